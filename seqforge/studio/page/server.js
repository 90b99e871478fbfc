// What the page asks the server for. The cookie of this address is the token.

export class ServerError extends Error {
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

async function answer(response) {
  if (response.ok) return response;
  let values = { error: `the server answers ${response.status}`, field: "" };
  try { values = await response.json(); } catch { /* the answer is no JSON */ }
  throw new ServerError(values.error, values.field);
}

export async function get(path) {
  return (await answer(await fetch(path))).json();
}

export async function getText(path) {
  return (await answer(await fetch(path))).text();
}

export async function getBytes(path) {
  return (await answer(await fetch(path))).arrayBuffer();
}

export async function post(path, body = {}) {
  const isData = body instanceof Blob || body instanceof ArrayBuffer;
  const options = { method: "POST", body: isData ? body : JSON.stringify(body) };
  return (await answer(await fetch(path, options))).json();
}

export async function remove(path) {
  return (await answer(await fetch(path, { method: "DELETE" }))).json();
}

// Call the handlers with the events of the server; `onLost` is called when the connection is lost.
export function listen(handlers, onLost) {
  const source = new EventSource("/api/events");
  source.onerror = onLost;
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(event.data ? JSON.parse(event.data) : {}));
  }
  return source;
}

// Save the answer of an address as a file of the browser.
export async function download(path) {
  const response = await answer(await fetch(path));
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? "file";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return name;
}
