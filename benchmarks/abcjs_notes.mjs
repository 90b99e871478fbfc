// Print the notes that abcjs plays: one JSON line for each JSON string on the standard input, which is one ABC tune.
//
//     node benchmarks/abcjs_notes.mjs FOLDER < tunes.jsonl
//
// FOLDER contains node_modules/abcjs (npm install abcjs). A line of output is a list of tracks; a track is a list of
// [onset, length, pitch], with onset and length in quarters. It is null if abcjs fails.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

console.log = console.error; // abcjs prints messages
const abcjs = createRequire(resolve(process.argv[2], "index.js"))("abcjs");

function tracks(text) {
  const [tune] = abcjs.parseOnly(text);
  const audio = tune.setUpAudio({ chordsOff: true });
  return audio.tracks.map((events) =>
    events.filter((event) => event.cmd === "note" && event.style !== "grace")
      .map((event) => [4 * event.start, 4 * event.duration, event.pitch]));
}

for await (const line of createInterface({ input: process.stdin })) {
  let result = null;
  try {
    result = tracks(JSON.parse(line));
  } catch (error) {
    console.error(String(error));
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
