// The sheets that lie over or instead of the work: a value to be typed, and the help.

export const $ = (id) => document.getElementById(id);

export function element(name, text, values = {}) {
  const made = Object.assign(document.createElement(name), values);
  if (text) made.textContent = text;
  return made;
}

export function enterValue({ title, text, type, value, done }) {
  $("work").hidden = $("done").hidden = true;
  $("entry").hidden = false;
  $("entry-title").textContent = title;
  $("entry-text").textContent = text;
  Object.assign($("entry-value"), { type, value });
  $("entry-value").focus();
  $("entry").onsubmit = (event) => (event.preventDefault(), done($("entry-value").value.trim()));
}

export function showHelp(form) {
  $("guide-text").replaceChildren(...form.guide.map((line) => element("li", line)));
  const marks = [["D", "changes, text, before"]];
  const rows = [...form.choices.map((each) => [each.key.toUpperCase(), each.label.toLowerCase()]),
    ["1 – 9", "choose a reason"], ["U", "take the last one back"],
    ...(form.choices.some((each) => each.edits) ? [["Ctrl Enter", "save an edit"], ...marks] : []),
    ["Z", "enlarge the picture"], ["Esc", "go back"]];
  $("keys").replaceChildren(...rows.map(([name, text]) => {
    const row = element("tr"), cell = element("td");
    cell.append(element("kbd", name));
    row.append(cell, element("td", text));
    return row;
  }));
  $("guide").showModal();
}
