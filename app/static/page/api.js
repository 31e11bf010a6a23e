// Requests to the service that served this page. A key stays in this module's memory and goes nowhere else.

let key = "";

export function setKey(text) {
  key = text.trim();
}

export class Refused extends Error {
  /** What the service said: `problem` is its problem document; `sources` as of the question. */
  constructor(problem, request, sources) {
    super(problem.detail ?? problem.title ?? "The service refused the request.");
    this.problem = problem;
    this.request = request;
    this.sources = sources;
  }
}

/**
 * A question as it goes over the wire; `parts` are pieces of the body's text, joined. `sources` are names of the tables
 * that it was put together from, by where they stand in it, so that a refusal can name the row of a file.
 */
export const question = (method, path, parts = null, sources = {}) => ({ method, path, parts, sources });

/** The answer's JSON; throws Refused, or TypeError where the service cannot be reached. */
export async function ask({ method, path, parts, sources }, signal = undefined) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  if (parts !== null) headers["Content-Type"] = "application/json";
  const body = parts === null ? undefined : new Blob(parts);
  const answer = await fetch(path, { method, headers, body, signal });
  const request = answer.headers.get("X-Request-ID");
  if (!answer.ok) throw new Refused(await problemOf(answer), request, sources);
  return { json: await answer.json(), seconds: duration(answer.headers.get("Server-Timing")) };
}

async function problemOf(answer) {
  try {
    return await answer.json();
  } catch {
    return { title: `The service answered ${answer.status}`, status: answer.status };
  }
}

/** Seconds that the service took, from Server-Timing; null where it does not say. */
function duration(header) {
  const found = /total;dur=([\d.]+)/.exec(header ?? "");
  return found ? Number(found[1]) / 1000 : null;
}

const INLINE = 6000;

/** The question as a curl command; a long body is read from `file`, and the key from the environment. */
export function curl({ method, path, parts }, file) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl -s ${quoted(location.origin + path)}`];
  if (key) lines.push(`-H "Authorization: Bearer $ADL_KEY"`);
  if (method === "POST") {
    const body = parts.join("");
    lines.push(`-H 'Content-Type: application/json'`);
    lines.push(body.length <= INLINE ? `-d ${quoted(body)}` : `-d @${file}`);
  }
  return lines.join(" \\\n  ");
}
