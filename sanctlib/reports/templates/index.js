(() => {
  const bodies = [...document.querySelectorAll("table.runs tbody")].map((body) => ({
    body,
    section: body.closest("section"),
    rows: [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase() })),
  }));
  const controls = document.getElementById("controls");
  const search = document.getElementById("search");
  const order = document.getElementById("order");
  const told = document.getElementById("told");
  const labels = new Set([...document.querySelectorAll("table.runs dt")].map((d) => d.textContent));
  for (const label of labels) order.add(new Option(label, label));

  const number = (row, label) => {
    const named = [...row.querySelectorAll("dt")].find((d) => d.textContent === label);
    const value = named ? parseFloat(named.nextElementSibling.dataset.value) : NaN;
    return Number.isNaN(value) ? -Infinity : value;
  };
  const sort = () => {
    for (const { body, rows } of bodies) {
      const sorted = [...rows];
      if (order.value === "state") {
        sorted.sort((a, b) => a.row.dataset.state.localeCompare(b.row.dataset.state));
      } else if (order.value !== "") {
        const keys = new Map(rows.map((r) => [r, number(r.row, order.value)]));
        sorted.sort((a, b) => (keys.get(b) > keys.get(a)) - (keys.get(b) < keys.get(a)));
      }
      body.append(...sorted.map((r) => r.row));
    }
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, all = 0;
    for (const { section, rows } of bodies) {
      let here = 0;
      for (const { row, text } of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        here += row.hidden ? 0 : 1;
      }
      section.hidden = here === 0;
      shown += here;
      all += rows.length;
    }
    told.textContent = `${shown} of ${all} shown`;
  };
  order.addEventListener("change", sort);
  search.addEventListener("input", filter);
  controls.hidden = false;
})();
