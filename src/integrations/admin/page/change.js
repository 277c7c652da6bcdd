// Overrides: one dialog for all of them. What it sends is what it shows as a shell command.

const ACTIONS = {
  isolate: { words: "Isolate", about: "hold the breaker open: every call is rejected at once", asks: ["ttl"] },
  bypass: { words: "Let calls through", about: "bypass the breaker: every call is sent, nothing is recorded", asks: ["ttl"] },
  automatic: { words: "Back to automatic", about: "end isolation or bypass: closed, with nothing recorded", asks: [] },
  reset: { words: "Close it now", about: "close the breaker and forget what was recorded; it opens again if calls go on failing", asks: [] },
  limit: { words: "Change the limit", about: "for as long as the process runs, or until it is changed again", asks: ["limit"] },
  mode: { words: "Change the mode", about: "how far decisions are carried out", asks: ["mode", "ttl"] },
  clear: { words: "Take the override back", about: "the mode that was in force before it", asks: [] },
};

const LIMITS = { bulkhead: "Calls at once", rate_limit: "Calls per second", timeout: "Seconds" };

const asked = { target: null, action: null };

// The one that was right, for as long as the page is open; nowhere in the document, where extensions look.
let token = "";

function actionsFor(engine) {
  if (!engine) return page.overridden ? ["mode", "clear"] : ["mode"];
  // Of many circuits, one is held or closed in code.
  const own = engine.keys != null ? [] : { circuit_breaker: isHeld(engine) ? ["automatic", "reset", "isolate", "bypass"] : ["bypass", "reset", "isolate"] }[engine.layer] ?? [];
  const mode = engine.layer === "retry_budget" ? [] : ["mode"];
  return [...own, ...(engine.layer in LIMITS ? ["limit"] : []), ...mode, ...(engine.overridden ? ["clear"] : [])];
}

function openChange(engine, action) {
  asked.target = engine;
  const actions = actionsFor(engine);
  setText(byId("change-title"), engine ? `${engine.stack}: ${layerWords(engine)}` : "Every engine of this process");
  setText(byId("change-now"), engine ? `Now: ${wordOf(engine)}.` : `Now: ${MODES[page.mode]}. An engine with an override of its own keeps to that.`);
  byId("change-actions").replaceChildren(...actions.map(choice));
  byId("change-limit-words").textContent = LIMITS[engine?.layer] ?? "Limit";
  for (const what of ["limit", "burst", "token"]) byId(`change-${what}`).value = "";
  byId("change-limit").placeholder = limitOf(engine);
  byId("change-burst").placeholder = engine?.quota ? `${engine.quota.burst}, as it is` : "";
  byId("change-token").placeholder = token ? "as before" : "";
  byId("change-reason").value = "";
  setHidden(byId("change-error"), true);
  choose(action && actions.includes(action) ? action : actions[0]);
  byId("change").showModal();
  byId("change-reason").focus();
}

function choice(action) {
  const { words, about } = ACTIONS[action];
  const input = el("input", { type: "radio", name: "action", value: action, onchange: () => choose(action) });
  return el("label", { class: "choice" }, input, el("span", {}, el("b", {}, words), " ", el("span", { class: "quiet" }, about)));
}

function choose(action) {
  asked.action = action;
  for (const input of byId("change-actions").querySelectorAll("input")) input.checked = input.value === action;
  for (const what of ["mode", "limit", "ttl"]) setHidden(byId(`change-${what}-label`), !ACTIONS[action].asks.includes(what));
  setHidden(byId("change-burst-label"), action !== "limit" || asked.target.layer !== "rate_limit");
  showCommand();
}

// What it is now: what to write to have it back.
function limitOf(engine) {
  const limit = engine?.quota_per_second ?? engine?.limit;
  return limit == null ? "" : String(limit);
}

function request() {
  const { asks } = ACTIONS[asked.action];
  const body = { action: asked.action };
  if (asked.target) for (const key of ["stack", "layer", "name"]) body[key] = asked.target[key];
  if (asks.includes("mode")) body.mode = byId("change-mode").value;
  if (asks.includes("limit")) body.limit = Number(byId("change-limit").value.trim() || NaN);
  if (asks.includes("limit") && byId("change-burst").value.trim()) body.burst = Number(byId("change-burst").value.trim());
  if (asks.includes("ttl")) body.ttl_seconds = Number(byId("change-ttl").value);
  body.reason = byId("change-reason").value.trim();
  if (byId("change-by").value.trim()) body.by = byId("change-by").value.trim();
  return body;
}

function showCommand() {
  // In single quotes a shell takes everything as it is, but for the quote itself.
  const body = JSON.stringify(request()).replaceAll("'", `'\\''`);
  setText(byId("change-curl"), `curl -X POST '${location.origin}${BASE}overrides' \\\n  -H "authorization: Bearer $TOKEN" \\\n  -H 'content-type: application/json' \\\n  -d '${body}'`);
}

async function send(event) {
  event.preventDefault();
  const button = byId("change-do");
  button.disabled = true;
  const tried = byId("change-token").value || token;
  try {
    const response = await fetch(`${BASE}overrides`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${tried}` },
      body: JSON.stringify(request()),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.status === 401) token = "";
    if (!response.ok) return complain(response.status, answer);
    token = tried;
    byId("change-token").value = "";
    byId("change").close();
    await fetchAll();
  } catch {
    complain(0, {});
  } finally {
    button.disabled = false;
  }
}

function complain(status, { field, value, rule, error }) {
  const node = byId("change-error");
  const words = field ? `${field} = ${value}: ${rule}` : error ?? "No answer. Nothing is known to have changed.";
  setText(node, status === 401 ? "The token is not right." : words);
  setHidden(node, false);
}

function prepareChange() {
  byId("change-form").addEventListener("submit", send);
  byId("change-form").addEventListener("input", showCommand);
  byId("change-cancel").addEventListener("click", () => byId("change").close());
}
