// Keeps up to date: events once a second, and the whole of it whenever something was missed.

const BASE = `${location.pathname.replace(/\/+$/, "")}/`;

// A view older than this is said to be old.
const LOST_AFTER = 3500;
const POLL_EVERY = 2000;

let heard = performance.now();
let stream = null;

async function fetchAll() {
  const response = await fetch(`${BASE}snapshot`, { cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  show(await response.json());
}

// A change of settings or of who is there, a second that was missed, and another process, need the whole of it.
function needsAll(next) {
  if (next.tick !== page.tick + 1 || next.engines.length !== page.engines.size) return true;
  return next.engines.some((engine) => page.engines.get(keyOf(engine))?.fingerprint !== engine.fingerprint);
}

function listen() {
  stream?.close();
  stream = new EventSource(`${BASE}events`);
  stream.addEventListener("snapshot", (event) => {
    const next = JSON.parse(event.data);
    if (needsAll(next)) fetchAll().catch(() => {});
    else show(next);
  });
}

// Without a stream, because all are taken or the connection broke: ask from time to time, and try again.
async function watch() {
  const silence = performance.now() - heard;
  if (silence > POLL_EVERY) {
    await fetchAll().catch(() => {});
    if (stream.readyState === EventSource.CLOSED) listen();
  }
  showLink();
}

function showLink() {
  const silence = performance.now() - heard;
  page.isLost = silence > LOST_AFTER;
  document.body.classList.toggle("lost", page.isLost);
  // A stream ends after a minute, and the next one begins without a gap.
  const isPolling = stream?.readyState !== EventSource.OPEN && silence > POLL_EVERY / 2;
  setText(byId("live-words"), page.isLost ? "connection lost" : isPolling ? "every 2 s" : "live");
  const banner = byId("lost");
  setHidden(banner, !page.isLost);
  if (page.isLost && page.now === 0) setText(banner, "No answer yet. Trying again…");
  else if (page.isLost) setText(banner, `Connection lost. What you see is ${lasting(silence / 1000)} old, as of ${clockTime(page.now)}. Trying again…`);
}
