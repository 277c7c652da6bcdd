// The page is built with these: text is only ever set as text, so that no name can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.setAttribute("class", value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function byId(id) {
  return document.getElementById(id);
}

// Touches the document only when something changed: a page that is read aloud or selected from stays still.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttr(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

// Puts these nodes, in this order, into the parent; what stands right already is not moved and keeps its focus.
function setChildren(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

// One node for each key, made once and updated from then on.
class Keyed {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.parts = new Map();
  }

  update(items, key) {
    const nodes = [];
    const seen = new Set();
    for (const item of items) {
      const name = key(item);
      seen.add(name);
      let part = this.parts.get(name);
      if (!part) this.parts.set(name, (part = this.make(item)));
      part.update(item);
      nodes.push(part.node);
    }
    for (const name of this.parts.keys()) if (!seen.has(name)) this.parts.delete(name);
    setChildren(this.parent, nodes);
  }
}

// The shape says the state as well as the colour does.
const SHAPES = {
  open: "M5 1h6l4 4v6l-4 4H5l-4-4V5z",
  half: "M8 1a7 7 0 1 0 0 14zM8 1a7 7 0 0 1 0 14v-1.6a5.4 5.4 0 0 0 0-10.8z",
  fail: "M8 1l7.5 13.5H.5zM7.2 6v4h1.6V6zM7.2 11.2v1.6h1.6v-1.6z",
  busy: "M8 1l7.5 13.5H.5z",
  held: "M8 .5L15.5 8 8 15.5.5 8z",
  calm: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z",
};

function shape(kind) {
  const path = svg("path", { d: SHAPES[kind], "fill-rule": "evenodd" });
  const node = svg("svg", { class: `shape ${kind}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, path);
  return {
    node,
    update(next) {
      setAttr(path, "d", SHAPES[next]);
      setAttr(node, "class", `shape ${next}`);
    },
  };
}
