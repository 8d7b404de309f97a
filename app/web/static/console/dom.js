// Builds elements. Text becomes text nodes only, so nothing that a stranger wrote is read as markup.

/** `h("a.button", { href, onclick }, "Text", otherElement)`; null children are left out. */
export function h(name, attributes = {}, ...children) {
  const [kind, ...classes] = name.split(".");
  const element = document.createElement(kind);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A time in the reader's zone; the exact one as a tooltip. */
export function moment(at) {
  return at ? h("time", { datetime: at, title: at }, moments.format(new Date(at))) : "–";
}

export function badge(text, kind = "good") {
  return h(`span.badge.${kind}`, {}, text);
}

/** A table whose cells know their column, for narrow screens. `columns` are `[title, (row) => content]`. */
export function table(caption, columns, rows, empty) {
  if (!rows.length) return h("p.empty", {}, empty);
  const head = h("tr", {}, ...columns.map(([title]) => h("th", { scope: "col" }, title || h("span.unseen", {}, "Actions"))));
  const body = rows.map((row) => h("tr", {}, ...columns.map(([title, cell]) => h(title ? "td" : "td.end", { "data-label": title }, h("div", {}, ...[cell(row)].flat())))));
  return h("table", {}, h("caption.unseen", {}, caption), h("thead", {}, head), h("tbody", {}, ...body));
}

/** Bars of one figure over days. */
export function chart(title, days, name, bad = false) {
  const most = Math.max(1, ...days.map((day) => day[name])), total = days.reduce((sum, day) => sum + day[name], 0);
  const svg = (kind, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const drawing = svg("svg", { viewBox: `0 0 ${days.length * 10} 60`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${days.map((day) => `${day.date} ${day[name]}`).join(", ")}` });
  days.forEach((day, index) => {
    const height = day[name] ? Math.max(2, (day[name] / most) * 58) : 1;
    const bar = svg("rect", { x: index * 10 + 1.5, y: 60 - height, width: 7, height, rx: 1, class: day[name] ? (bad ? "bad" : "bar") : "empty" });
    const label = svg("title", {});
    label.textContent = `${day.date}: ${day[name]}`;
    bar.append(label);
    drawing.append(bar);
  });
  return h("section.panel.chart", {}, h("h2", {}, title, " ", h("span.soft", {}, `${total} in ${days.length} days`)), drawing, h("p", {}, h("span", {}, days[0].date), h("span", {}, days.at(-1).date)));
}

const toast = document.querySelector("#toast");
let hiding;

/** Says what has been done. */
export function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (toast.hidden = true), 6000);
}

/** Shows an error in a dialog. */
export function show(dialog, error) {
  const problem = dialog.querySelector(".error");
  problem.textContent = words(error);
  problem.hidden = false;
}

let dialogs = 0;

/** A dialog with a form. Resolves with the form data, or null if it is closed; `act` may reject to show an error and stay open. */
export function ask(title, content, { button = "Save", danger = false, act = async () => {} } = {}) {
  return new Promise((resolve) => {
    const id = `dialog-title-${++dialogs}`; // one dialog may open over another
    const problem = h("p.error", { role: "alert", hidden: true });
    const submit = h(danger ? "button.danger" : "button", { type: "submit" }, button);
    const form = h("form", { method: "dialog" }, h("h2", { id }, title), problem, ...[content].flat(), h("div.acts", {}, h("button.quiet", { type: "button", onclick: () => dialog.close() }, "Cancel"), submit));
    const dialog = h("dialog", { "aria-labelledby": id }, form);
    let result = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        await act(new FormData(form), () => dialog.open);
        result = new FormData(form);
        dialog.close();
      } catch (error) {
        show(dialog, error);
      }
      submit.disabled = false;
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function field(label, name, attributes = {}) {
  const id = `field-${name}`;
  return h("div", {}, h("label", { for: id }, label), h("input", { id, name, ...attributes }));
}

/** What an error says to people. */
export function words(error) {
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} seconds.` : "";
  const request = error.requestId && error.status >= 500 ? ` Request id: ${error.requestId}.` : "";
  return `${error.message ?? error}${wait}${request}`;
}
