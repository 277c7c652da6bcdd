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
        setText(value, setting.text);
        setText(source, setting.words);
        setAttr(source, "class", `source ${setting.source}`);
      },
    };
  });
  return {
    node,
    update(engines) {
      const all = engines.flatMap((engine) => settingsOf(engine).map((setting) => ({ engine, setting })));
      rows.update(all, ({ engine, setting }) => `${keyOf(engine)} ${setting.name}`);
    },
  };
}

const SOURCES = { default: "default", code: "code", run_time: "changed at run time", override: "changed by hand" };

// What is set, and the mode where somebody set that by hand.
function settingsOf(engine) {
  const settings = engine.settings.map(({ name, text, source }) => ({ name, text, source, words: SOURCES[source] ?? source }));
  const isByHand = engine.layer !== "retry_budget" && (engine.overridden || page.overridden);
  return isByHand ? [{ name: "mode", text: MODES[engine.mode], source: "override", words: "set by hand" }, ...settings] : settings;
}
