// Sound through WebAudio: one take at a time, with the position for a moving cursor.

let context = null;
let current = null;
const cache = new Map();
const MAX_CACHED = 8;

export function isPlaying(id) {
  return current?.id === id;
}

export function stop() {
  const playing = current;
  current = null;
  if (!playing) return;
  playing.source.onended = null;
  playing.source.stop();
  playing.onTime(null);
}

// Stop the sound, and return the time in seconds at which it can go on.
export function pause() {
  const playing = current;
  current = null;
  if (!playing) return 0;
  playing.source.onended = null;
  playing.source.stop();
  return playing.start + context.currentTime - playing.begin;
}

// Play a take from a time in seconds; `onTime` gets the time, and null at the end.
export async function play(id, load, start, onTime) {
  stop();
  context ??= new AudioContext();
  await context.resume();
  if (!cache.has(id)) {
    cache.set(id, await context.decodeAudioData(await load()));
    if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value);
  }
  const source = context.createBufferSource();
  source.buffer = cache.get(id);
  source.connect(context.destination);
  const begin = context.currentTime;
  source.start(0, Math.min(start, source.buffer.duration));
  const playing = { id, source, onTime, start, begin };
  current = playing;
  source.onended = () => { if (current === playing) stop(); };
  const step = () => {
    if (current !== playing) return;
    onTime(start + context.currentTime - begin);
    requestAnimationFrame(step);
  };
  step();
}
