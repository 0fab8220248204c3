// Asking the server for what it computes in turn with others (answers.py).

const PLACES = "application/vnd.gradflow.places"; // an answer that begins with its place in the queue

/** Ask as `fetch` does; while others come first, `tell` is called with a sentence about it. */
export async function ask(address, tell = () => {}, options = {}) {
  const headers = { ...options.headers, Accept: `${PLACES}, */*` };
  const answer = await fetch(address, { ...options, headers });
  if (answer.headers.get("Content-Type") !== PLACES) return answer;
  const reader = answer.body.getReader();
  let bytes = new Uint8Array();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new TypeError("the server has broken off");
    bytes = join(bytes, value);
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      const { waiting, status } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
      bytes = bytes.slice(end + 1);
      if (status === 204) return new Response(null, { status }); // something newer was asked for
      if (status) return new Response(join(bytes, await readRest(reader)), { status });
      tell(waiting);
    }
  }
}

async function readRest(reader) {
  let bytes = new Uint8Array();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return bytes;
    bytes = join(bytes, value);
  }
}

function join(first, second) {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
