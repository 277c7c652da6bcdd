// The last minutes as a line.

const SECONDS = 300;

function sparkline(label, kind, words = rate) {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line", "vector-effect": "non-scaling-stroke" });
  const picture = svg("svg", { viewBox: `0 0 ${SECONDS} 40`, preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  const now = el("b");
  const most = el("span", { class: "quiet" });
  const node = el("figure", { class: `spark ${kind}` }, el("figcaption", {}, el("span", {}, label), now, most), picture);
  return {
    node,
    update(values) {
      // A young process is looked at more closely.
      const span = values.length > 60 ? SECONDS : 60;
      const shown = values.slice(-span);
      const last = shown.at(-1) ?? 0;
      const top = Math.max(...shown, 0);
      setText(now, words(last));
      setText(most, shown.length ? `most ${words(top)} in ${span / 60} min` : "no data yet");
      const points = trace(shown, top, span);
      setAttr(line, "d", points.length ? `M${points.join("L")}` : "");
      setAttr(area, "d", points.length ? `M${points[0].split(",")[0]},40L${points.join("L")}L${SECONDS},40Z` : "");
      node.classList.toggle("flat", top === 0);
    },
  };
}

function trace(values, top, span) {
  const begin = span - values.length + 1;
  const x = (index) => (((begin + index) * SECONDS) / span).toFixed(1);
  return values.map((value, index) => `${x(index)},${(38 - (top > 0 ? (value / top) * 35 : 0)).toFixed(1)}`);
}

// What to draw of a stack: the sums of what its layers did in each second.
function series(stack, what) {
  const { engines } = stack;
  const breaker = engines.find((engine) => engine.layer === "circuit_breaker");
  const bulkhead = engines.find((engine) => engine.layer === "bulkhead");
  const timeouts = engines.filter((engine) => engine.layer === "timeout");
  switch (what) {
    case "calls":
      return stack.calls.history?.calls ?? [];
    case "rejected":
      return sum(engines.filter((engine) => engine.layer !== "fallback").map((engine) => engine.history?.rejected));
    case "failed":
      return breaker ? breaker.history?.failed ?? [] : sum(timeouts.map((engine) => engine.history?.failed));
    default:
      return (bulkhead ?? breaker)?.history?.in_flight ?? [];
  }
}

function sum(lists) {
  const known = lists.filter(Boolean);
  const length = Math.max(0, ...known.map((list) => list.length));
  return Array.from({ length }, (_, back) => known.reduce((total, list) => total + (list[list.length - length + back] ?? 0), 0));
}
