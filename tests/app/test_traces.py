"""Traces, sent to a receiver that reads them as a collector does; and nothing of them where none is named."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app import traces
from tests.app.requests import ALLOCATIONS, request
from tests.app.services import to, works
from tests.processes import ROOT, free_port
from tests.serving import environment, serving

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass
class Collector:
    address: str
    exports: list[ExportTraceServiceRequest] = field(default_factory=list)

    def spans(self) -> list[Any]:
        return [
            span
            for export in self.exports
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def service_names(self) -> set[str]:
        return {
            attribute.value.string_value
            for export in self.exports
            for resource in export.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            found.exports.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """A test has no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        found = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


@pytest.mark.slow
def test_a_request_is_a_span_and_what_is_left_is_sent_at_the_end(tmp_path: Path, collector: Collector) -> None:
    settings = {ENDPOINT: collector.address, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    with serving(tmp_path, **settings) as served:
        headers = {"x-request-id": "abc", "traceparent": f"00-{TRACE}-{PARENT}-01"}
        httpx2.post(f"{served.address}{ALLOCATIONS}", json=request(), headers=headers)
        httpx2.get(f"{served.address}/nowhere/7f3a?7f3a")
        assert collector.exports == []
        assert served.end() == 0
    spans = {span.name: span for span in collector.spans() if span.name != "GET /healthz"}
    of_the_service_itself = {"store ping", "store prune"}
    assert set(spans) - of_the_service_itself == {"POST /v1/allocations", "solve", "store record", "GET unmatched"}
    assert collector.service_names() == {"adl"}
    asked = spans["POST /v1/allocations"]
    assert (asked.trace_id.hex(), asked.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(asked) == {
        "http.request.method": "POST",
        "http.route": "/v1/allocations",
        "http.response.status_code": 200,
        "adl.request_id": "abc",
    }
    for part in ("solve", "store record"):
        assert (spans[part].trace_id.hex(), spans[part].parent_span_id) == (TRACE, asked.span_id)
    assert 0 < asked.end_time_unix_nano - asked.start_time_unix_nano < 10e9
    lost = spans["GET unmatched"]
    assert lost.trace_id.hex() != TRACE
    assert attributes(lost)["http.response.status_code"] == 404
    assert b"7f3a" not in b"".join(export.SerializeToString() for export in collector.exports)


@pytest.mark.slow
def test_a_collector_that_cannot_be_reached_costs_a_warning(tmp_path: Path) -> None:
    settings = {ENDPOINT: f"http://127.0.0.1:{free_port()}", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with serving(tmp_path, **settings) as served:
        began = time.monotonic()
        with to(served.address) as client:
            assert works(client)
        assert time.monotonic() - began < 5
        assert served.end(within=15) == 0
        told = [line for line in served.lines() if line["logger"].startswith("opentelemetry")]
    assert told
    assert {line["level"] for line in told} <= {"warning", "error"}
    assert served.err.read_text() == ""


def test_a_part_of_a_request_is_a_child_of_its_span(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.address}/v1/traces")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "desk")
    assert traces.install() is not None
    with traces.request_span("POST", {}) as span:
        with traces.span("solve"):
            pass
        traces.describe(span, "POST", "/v1/closures", 503, "abc")
    traces.close()
    child, parent = collector.spans()
    assert (child.name, parent.name) == ("solve", "POST /v1/closures")
    assert child.parent_span_id == parent.span_id
    assert child.trace_id == parent.trace_id
    assert parent.status.code == parent.status.STATUS_CODE_ERROR
    assert collector.service_names() == {"desk"}


@pytest.mark.slow
def test_where_no_collector_is_named_nothing_of_it_is_imported(tmp_path: Path) -> None:
    code = """
import sys
from fastapi.testclient import TestClient
from app import traces
from app.main import create_app
with TestClient(create_app()) as client, traces.span("part"):
    assert client.get("/v1/policies").status_code == 200
assert traces.install() is None
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
