// What happened, and what is set.

function eventList(most, withStack, node = el("ol", { class: "events" })) {
  const rows = new Keyed(node, (event) => ({
    node: el(
      "li", { class: event.level },
      el("time", { datetime: new Date(event.at * 1000).toISOString() }, clockTime(event.at)),
      el("b", {}, event.level === "warn" ? "warn" : "info"),
      el("span", {}, withStack && event.stack ? `${event.stack}: ${event.message}` : event.message),
    ),
    update() {},
  }));
  const none = el("li", { class: "quiet" }, "none yet");
  return {
    node,
    update(events) {
      rows.update(events.slice(-most).reverse(), (event) => `${event.at} ${event.stack} ${event.layer} ${event.name} ${event.message}`);
      if (!events.length) node.append(none);
    },
  };
}

// Each setting with its value and where it comes from.
function settingsTable() {
  const body = el("tbody");
  const node = el("table", { class: "settings" }, el("thead", {}, el("tr", {}, ...["Layer", "Setting", "In force", "Comes from"].map((text) => el("th", { scope: "col" }, text)))), body);
  const rows = new Keyed(body, ({ engine }) => {
    const layer = el("th", { scope: "row" }, layerWords(engine));
    const [name, value, source] = [el("td"), el("td"), el("td")];
    return {
      node: el("tr", {}, layer, name, value, source),
      update({ setting }) {
        setText(name, setting.name);
        setText(value, setting.value);
        setText(source, sourceWords(setting));
        setAttr(source, "class", `source ${setting.source}`);
      },
    };
  });
  return {
    node,
    update(engines) {
      const all = engines.flatMap((engine) => (engine.settings ?? []).map((setting) => ({ engine, setting })));
      rows.update(all, ({ engine, setting }) => `${keyOf(engine)} ${setting.name}`);
    },
  };
}

const SOURCES = { default: "default", code: "code", run_time: "changed at run time", override: "override" };

function sourceWords({ source, before, standard }) {
  const was = before == null ? "" : `, was ${before}`;
  const usual = source !== "default" && standard != null ? ` (default ${standard})` : "";
  return `${SOURCES[source] ?? source}${was}${usual}`;
}
