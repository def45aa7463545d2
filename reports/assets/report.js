// Where there are several views of a target, one row of buttons shows one at a time; without this, each can be unfolded.
for (const views of document.querySelectorAll('.views')) {
  const panes = [...views.querySelectorAll(':scope > details')];
  if (panes.length < 2) continue;
  const row = document.createElement('div');
  row.className = 'switch';
  row.setAttribute('role', 'group');
  row.setAttribute('aria-label', views.dataset.label);
  const buttons = panes.map(pane => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = pane.querySelector('summary').textContent;
    button.addEventListener('click', () => show(pane));
    row.append(button);
    return button;
  });
  function show(chosen) {
    panes.forEach((pane, index) => {
      pane.open = pane === chosen;
      pane.hidden = pane !== chosen;
      buttons[index].setAttribute('aria-pressed', String(pane === chosen));
    });
  }
  views.prepend(row);
  views.classList.add('switched');
  show(panes.find(pane => pane.open) ?? panes[0]);
}
