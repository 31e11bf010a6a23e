"""What goes between a command and its worker process."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """A file or stdin, already read: its name for messages, and json, csv or parquet where that is known."""

    name: str
    data: bytes
    format: str | None = None

    def kind(self) -> str:
        if self.format is not None:
            return self.format
        if self.data.startswith(b"PAR1"):
            return "parquet"
        start = self.data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
        return "json" if start.startswith((b"{", b"[")) else "csv"


@dataclass
class Body:
    """A request's bytes, and where in it tables stand that came from files: pointer to name."""

    raw: bytes = b""
    tables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """An answer's bytes in the format wanted, and as text for a terminal; why the command is to fail all the same."""

    data: bytes
    text: str
    refusal: str | None
