// The form that takes files and pastes: chosen, dropped or pasted, one at a time or several.

import { button, el, field } from "./dom.js";
import { partsOfFiles, partsOfText } from "./reading.js";

/** `take(parts)` does with what was read and answers what to say of it; what it throws is said as a fault. */
export function bringForm({ files, paste, placeholder, load, take, said = "" }) {
  const status = el("p", { role: "status" }, said);
  const file = el("input", {
    type: "file",
    accept: ".json,.csv,.tsv,.txt,.parquet",
    multiple: true,
    onchange: ({ target }) => target.files.length > 0 && run(() => partsOfFiles([...target.files])),
  });
  const text = el("textarea", { rows: 6, spellcheck: false, placeholder });
  const drop = el("div", { className: "drop" }, field(files, file));
  drop.addEventListener("dragover", (event) => (event.preventDefault(), drop.classList.add("over")));
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const dropped = [...event.dataTransfer.files];
    if (dropped.length > 0) run(() => partsOfFiles(dropped));
  });
  return el(
    "div",
    {},
    drop,
    field(paste, text),
    button(load, () => run(() => partsOfText(text.value, "pasted"))),
    status,
  );

  async function run(read) {
    status.className = "";
    status.textContent = "Reading…";
    try {
      status.textContent = take(await read());
    } catch (error) {
      status.className = "fault";
      status.textContent = error.message;
    }
    file.value = ""; // the same file, mended, is a change again
  }
}
