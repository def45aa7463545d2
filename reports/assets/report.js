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

// A picture tells of its places: to a pointer, and to the arrow keys of who has moved the focus there.
const tip = document.querySelector('.tip');
const drawings = document.querySelector('svg')?.namespaceURI;
const draw = (parent, name, attributes, text) => {
  const element = document.createElementNS(drawings, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
};
const three = value => {
  const rounded = Number(value.toPrecision(3));
  return rounded.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded) || 1))));
};
const duration = ns => {
  const [unit, length] = [['ns', 1], ['µs', 1e3], ['ms', 1e6], ['s', 1e9]].findLast(it => Number(ns.toPrecision(3)) >= it[1]) ?? ['ns', 1];
  return `${three(ns / length)} ${unit}`;
};
const inBin = (row, index) => {
  const edge = at => duration(2 ** (row.first + at / row.per_octave));
  const share = row.shares[index];
  const y = Math.min(row.bottom, Math.max(row.top, row.whole + row.decade * -Math.log10(share)));
  const percent = share >= 0.001 ? three(share * 100) : String(Number((share * 100).toPrecision(3)));
  return [row.left + row.width * (index + 0.5), y, `${row.name}: ${edge(index)} to ${edge(index + 1)}\n${percent} % of the calls`];
};
function nearest(told, x, y) {
  const row = (told.bins ?? []).find(it => y >= it.top - 8 && y <= it.bottom + 4);
  if (row) {
    const at = Math.floor((x - row.left) / row.width);
    const near = [0, -1, 1, -2, 2].map(step => at + step).find(index => row.shares[index] > 0);
    return near === undefined ? undefined : inBin(row, near);
  }
  // Who points at a curve means what is there above all to the right or left.
  const far = ([px, py]) => Math.hypot(px - x, told.by_column ? 0 : (py - y) / 3);
  const found = (told.spots ?? []).reduce((best, spot) => !best || far(spot) < far(best) ? spot : best, undefined);
  return found && far(found) < 40 ? found : undefined;
}
// `fineness`: units of the picture's view box for each unit of its places.
function tells(picture, told, fineness) {
  let mark, at = -1, all;
  const hide = () => { mark?.remove(); tip.hidden = true; };
  function show(spot) {
    hide();
    if (!spot) return;
    const [x, y, words] = spot, view = picture.viewBox.baseVal, frame = picture.getBoundingClientRect();
    mark = told.by_column
      ? draw(picture, 'line', { class: 'here', x1: x * fineness, x2: x * fineness, y1: y * fineness, y2: view.y + view.height - 44 * fineness })
      : draw(picture, 'circle', { class: 'here', cx: x * fineness, cy: y * fineness, r: 6 * fineness });
    tip.textContent = words;
    tip.hidden = false;
    const scale = frame.width / view.width, left = frame.left + (x * fineness - view.x) * scale, top = frame.top + (y * fineness - view.y) * scale;
    const beside = left + 14 + tip.offsetWidth > document.documentElement.clientWidth ? left - 14 - tip.offsetWidth : left + 14;
    tip.style.left = `${Math.max(4, beside) + scrollX}px`;
    tip.style.top = `${Math.max(4, top - tip.offsetHeight / (told.by_column ? 8 : 2)) + scrollY}px`;
  }
  picture.addEventListener('pointermove', event => {
    const view = picture.viewBox.baseVal, frame = picture.getBoundingClientRect(), scale = view.width / frame.width / fineness;
    show(nearest(told, view.x / fineness + (event.clientX - frame.left) * scale, view.y / fineness + (event.clientY - frame.top) * scale));
  });
  picture.addEventListener('pointerleave', hide);
  picture.addEventListener('blur', hide);
  if (picture.hasAttribute('aria-hidden')) return;
  picture.tabIndex = 0;
  picture.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity, Escape: 0 }[event.key];
    if (step === undefined) return;
    all ??= [...told.spots ?? [], ...(told.bins ?? []).flatMap(row => row.shares.flatMap((share, index) => share > 0 ? [inBin(row, index)] : []))];
    event.preventDefault();
    at = Math.min(all.length - 1, Math.max(0, at + step));
    step === 0 ? hide() : show(all[at]);
  });
}
for (const figure of document.querySelectorAll('figure')) {
  const source = figure.querySelector('.told');
  if (source) for (const picture of figure.querySelectorAll('svg')) tells(picture, JSON.parse(source.textContent), 4);
}

// Any metric of any target along any factor, drawn as asked for.
function explore({ metrics, factors, series, targets, cells }) {
  const section = document.getElementById('explore'), form = section.querySelector('form'), figure = section.querySelector('figure');
  const varying = factors.map((_, index) => index).filter(index => new Set(cells.map(cell => cell[0][index])).size > 1);
  if (!varying.length || !drawings) return;
  section.hidden = false;
  document.querySelector('a[href="#explore"]').parentElement.hidden = false;
  const ask = (words, options, chosen) => {
    const label = document.createElement('label'), select = document.createElement('select');
    select.append(...options.map(([value, text]) => new Option(text, value, value === chosen, value === chosen)));
    label.append(words, select);
    form.append(label);
    select.addEventListener('change', show);
    // Of its options only those with these values; `first` where the chosen one is not among them.
    const offer = (values, first) => {
      for (const option of select.options) option.hidden = option.disabled = !values.includes(Number(option.value));
      if (!values.includes(Number(select.value))) select.value = first;
    };
    return { label, offer, get value() { return Number(select.value); } };
  };
  const numbered = words => words.map((text, index) => [index, text]);
  const target = ask('target', numbered(targets), 0);
  const metric = ask('metric', numbered(metrics), 1);
  const along = ask('along', varying.map(index => [index, factors[index].name]), varying.find(index => index !== series) ?? varying[0]);
  const scale = ask('axis', [[0, 'logarithmic'], [1, 'linear from zero']], 0);
  const middle = levels => levels[Math.floor((levels.length - 1) / 2)];
  const held = new Map(varying.map(index => [index, ask(factors[index].name, numbered(factors[index].levels), middle(factors[index].levels.map((_, level) => level)))]));
  form.addEventListener('submit', event => event.preventDefault());
  function show() {
    // A level may belong to other targets alone.
    const own = cells.filter(([, index]) => index === target.value);
    const there = factors.map(({ levels }, place) => levels.map((_, level) => level).filter(level => own.some(cell => cell[0][place] === level)));
    const several = varying.filter(index => there[index].length > 1), asked = several.length ? several : varying;
    along.offer(asked, asked.find(index => index !== series) ?? asked[0]);
    const across = along.value, lined = across !== series && asked.includes(series) ? series : asked.find(index => index !== across);
    held.forEach((it, index) => {
      it.offer(there[index], middle(there[index]));
      it.label.hidden = index === across || index === lined || !asked.includes(index);
    });
    const of = (level, line) => own.find(([levels]) => asked.every(place =>
      levels[place] === (place === across ? level : place === lined ? line : held.get(place).value)))?.[2][metric.value];
    const named = index => there[index].map(level => factors[index].levels[level]);
    const lines = lined === undefined ? [''] : named(lined), every = Math.ceil(lines.length / 7);
    const left = lines.filter((_, line) => line % every);
    picture({ name: factors[across].name, levels: named(across) }, lines.flatMap((name, line) => line % every ? [] : [{ name, colour: (lines.length === 2 && line === 1 ? 2 : line / every) % 7, points: there[across].map(level => of(level, there[lined]?.[line])) }]));
    if (!left.length) return;
    const note = document.createElement('p');
    note.className = 'note';
    note.textContent = `Left out, for there are seven colours: ${factors[lined].name} ${left.join(', ')}. Along ${factors[lined].name} all of them are drawn.`;
    figure.append(note);
  }
  function picture(axis, lines) {
    const [left, right, top, bottom] = [76, 700, 24, 290], values = lines.flatMap(line => line.points.flatMap(point => point ?? [])), above = values.filter(value => value > 0);
    const title = `${metrics[metric.value]} of ${targets[target.value]}, along ${axis.name}`;
    const svg = document.createElementNS(drawings, 'svg'), told = { by_column: false, spots: [] };
    svg.setAttribute('viewBox', '0 0 880 340');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', title);
    figure.replaceChildren(svg);
    draw(svg, 'text', { class: 'name', x: left, y: 14, 'font-weight': 600 }, title);
    if (!values.length) return draw(svg, 'text', { x: left, y: 60 }, 'no figures: too few calls');
    if (!above.length) return draw(svg, 'text', { x: left, y: 60 }, 'every figure is 0 ns');
    // A logarithmic axis has no place for 0 ns: such figures stand at its lower end.
    const linear = scale.value === 1, low = linear ? 0 : Math.min(...above) / 1.08, high = Math.max(...above) * 1.08;
    const y = value => bottom - (bottom - top) * (linear ? value / high : Math.log(Math.max(value, low) / low) / Math.log(high / low));
    const x = level => left + 30 + (right - left - 60) * (axis.levels.length > 1 ? level / (axis.levels.length - 1) : 0.5);
    for (const tick of ticks(low, high, linear)) {
      draw(svg, 'line', { class: 'grid', x1: left, x2: right, y1: y(tick), y2: y(tick) });
      draw(svg, 'text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, duration(tick).replace(/\.0+ | (?=ns$)/, ' ').replace(/(\.\d*?)0+ /, '$1 '));
    }
    draw(svg, 'line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom });
    const every = Math.ceil(axis.levels.length * Math.max(...axis.levels.map(it => it.length)) * 7.5 / (right - left));
    axis.levels.forEach((level, index) => index % every || draw(svg, 'text', { x: x(index), y: bottom + 18, 'text-anchor': 'middle' }, level));
    draw(svg, 'text', { x: right, y: bottom + 38, 'text-anchor': 'end' }, axis.name);
    lines.forEach((line, place) => {
      // Side by side, so that intervals do not hide each other.
      const aside = 7 * (place - (lines.length - 1) / 2);
      const group = draw(svg, 'g', { class: `l${line.colour}` }), known = line.points.flatMap((point, level) => point ? [[x(level) + aside, point, level]] : []);
      draw(group, 'path', { class: 'line', d: known.map(([px, point], index) => `${index ? 'L' : 'M'}${px} ${y(point[0])}`).join('') });
      for (const [px, [value, from, to], level] of known) {
        if (from !== undefined) draw(group, 'line', { class: 'whisker', x1: px, x2: px, y1: y(from), y2: y(to) });
        draw(group, 'circle', { class: 'dot', cx: px, cy: y(value), r: 4 });
        told.spots.push([px, y(value), `${[line.name, axis.levels[level]].filter(Boolean).join(', ')}: ${duration(value)}${from === undefined ? '' : `\n[${duration(from)}, ${duration(to)}]`}`]);
      }
      draw(group, 'circle', { class: 'dot', cx: right + 24, cy: top + 20 * place, r: 5 });
      draw(svg, 'text', { class: 'name', x: right + 36, y: top + 4 + 20 * place }, line.name || 'all');
    });
    tells(svg, told, 1);
  }
  show();
}
function ticks(low, high, linear) {
  if (linear) {
    const rough = high / 5, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].find(digit => digit * power >= rough) * power;
    return Array.from({ length: Math.floor(high / step) + 1 }, (_, index) => index * step);
  }
  const digits = [[1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9], [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1]];
  const of = set => { const out = []; for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) for (const digit of set) out.push(digit * 10 ** power); return out.filter(it => it >= low && it <= high); };
  return digits.map(of).find(it => it.length <= 7) ?? of([1]);
}
explore(JSON.parse(document.getElementById('cells').textContent));
