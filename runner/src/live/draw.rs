//! How a state looks on a screen of any size. Pure: a state and a frame in, cells out.

use super::state::{Entry, Kind, Progress, State};
use crate::progress::brief;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use reports::trace::{bars, latencies, ledger, max_ns, quantile_ns, returned, time_ns};
use reports::units;
use std::fmt::Write as _;
use store::errno_name;

/// Columns of the narrowest screen that has room for a table.
const NARROWEST: u16 = 24;
/// Lines of the lowest screen that has room for details below it.
const LOWEST_WITH_DETAILS: u16 = 14;
/// Lines that the details have in any case.
const DETAILS: u16 = 10;
/// Most lines of the details: a histogram of more is not read better.
const MOST_DETAILS: u16 = 22;
/// Columns of the narrowest screen with the account beside the histogram, and of the account.
const SIDE_BY_SIDE: u16 = 78;
const ACCOUNT: u16 = 32;
/// Blanks before a column.
const GAP: usize = 2;
/// Eighths of a bar's cell.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Draws it.
pub(crate) fn draw(state: &State, frame: &mut Frame) {
    let area = frame.area();
    if area.width < NARROWEST || area.height < 3 {
        frame.render_widget(Paragraph::new(state.title.as_str()), area);
        return;
    }
    let notes = u16::from(!state.notes.is_empty() && area.height > 6);
    let [title, middle, note, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(notes),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(title_line(state, title.width), title);
    if state.is_help {
        frame.render_widget(Paragraph::new(help(state)), middle);
    } else {
        figures(state, frame, middle);
    }
    if let Some(latest) = state.notes.last() {
        frame.render_widget(
            Paragraph::new(Span::styled(fitted(latest, note.width.into()), colour(state, Color::Yellow))),
            note,
        );
    }
    frame.render_widget(key_line(state), keys);
}

/// What it is on the left, how far it has come on the right.
fn title_line(state: &State, width: u16) -> Line<'static> {
    let verb = match state.kind {
        Kind::Trace => "trace",
        Kind::Run => "run",
    };
    let right = format!("{}{} ", progress(state), if state.is_paused() { " · paused" } else { "" });
    let room = usize::from(width).saturating_sub(right.chars().count() + 1);
    let left = fitted(&format!(" runner {verb}  {}", state.title), room);
    let gap = usize::from(width).saturating_sub(left.chars().count() + right.chars().count());
    let style = Style::new().add_modifier(Modifier::REVERSED);
    Line::from(Span::styled(format!("{left}{}{right}", " ".repeat(gap)), style))
}

fn progress(state: &State) -> String {
    let elapsed = brief(state.elapsed);
    match state.look.progress {
        None => format!("{} · {elapsed}", state.how),
        Some(Progress::Time(limit)) => format!("{} · {elapsed} of {}", state.how, brief(limit)),
        Some(Progress::Trials { done, of, left, lost }) => {
            let lost = if lost > 0 { format!(" · {lost} without figures") } else { String::new() };
            let left = left.map_or_else(String::new, |left| format!(" · {} left", brief(left)));
            format!("{done} of {of} trials{lost}{left}")
        }
    }
}

/// The table, and the details of one entry where there is room.
fn figures(state: &State, frame: &mut Frame, area: Rect) {
    let entries = state.entries();
    let area = now_line(state, frame, area);
    let rows = u16::try_from(entries.len().max(1)).unwrap_or(u16::MAX).saturating_add(2);
    let has_details = area.height + 2 >= LOWEST_WITH_DETAILS && !entries.is_empty();
    let room = if has_details { area.height - DETAILS.min(area.height) } else { area.height };
    let details = if has_details { (area.height - rows.min(room)).min(MOST_DETAILS) } else { 0 };
    let [upper, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(details)]).areas(area);
    let place = state.place(&entries);
    frame.render_widget(Paragraph::new(table(state, (&entries, place), upper)), upper);
    if let Some(entry) = entries.get(place).filter(|_| has_details) {
        detail(state, entry, frame, lower);
    }
}

/// What happens now, where there is something to say of that; returns the rest.
fn now_line(state: &State, frame: &mut Frame, area: Rect) -> Rect {
    if state.look.now.is_empty() || area.height < 4 {
        return area;
    }
    let [now, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let line = match state.look.progress {
        Some(Progress::Trials { done, of, .. }) if now.width > 50 => {
            let length = usize::try_from(u64::from(done) * 24 / u64::from(of.max(1))).unwrap_or(0).min(24);
            format!(" {}{}  {}", "━".repeat(length), "─".repeat(24 - length), state.look.now)
        }
        _ => format!(" {}", state.look.now),
    };
    frame.render_widget(Line::from(fitted(&line, now.width.into())), now);
    rest
}

/// A column of the table.
struct Column {
    heading: &'static str,
    width: usize,
    cell: fn(&Entry) -> String,
    /// 0: always shown; else dropped from a narrow screen, the greatest first.
    expendable: u8,
}

fn columns(kind: Kind) -> Vec<Column> {
    let column = |heading, width, expendable, cell| Column { heading, width, cell, expendable };
    let open = if kind == Kind::Trace { "under way" } else { "censored" };
    vec![
        column("calls", 10, 0, |it| units::count(returned(&it.measure).into())),
        column("per s", 7, 3, |it| units::short(it.per_second)),
        column("errors", 7, 4, |it| units::count(it.measure.error.count.into())),
        column("p50", 7, 1, |it| told(quantile_ns(&it.measure, 0.5))),
        column("p99", 7, 0, |it| told(quantile_ns(&it.measure, 0.99))),
        column("max", 7, 2, |it| told(max_ns(&it.measure).map(|ns| ns as f64))),
        column("time in it", 10, 6, |it| units::duration(time_ns(&it.measure) as f64)),
        column(open, 9, 5, |it| units::count(ledger(&it.measure).censored.into())),
    ]
}

fn told(ns: Option<f64>) -> String {
    ns.map_or_else(|| "–".to_owned(), units::duration)
}

/// Heading, rows around the selected one, and an empty line.
fn table(state: &State, (entries, place): (&[Entry], usize), area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let longest = entries.iter().map(|it| it.measure.syscall.chars().count()).max().unwrap_or(0).max(7);
    let mut columns = columns(state.kind);
    let needs =
        |columns: &[Column], name: usize| 1 + name + columns.iter().map(|it| GAP + it.width).sum::<usize>();
    while needs(&columns, longest.min(20)) > width && columns.iter().any(|it| it.expendable > 0) {
        let most = columns.iter().map(|it| it.expendable).max();
        columns.retain(|it| Some(it.expendable) != most);
    }
    let name = longest.min(width.saturating_sub(needs(&columns, 0))).max(6);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let what = match state.kind {
        Kind::Trace => "syscall",
        Kind::Run => "target and cell",
    };
    let cells = columns.iter().map(|it| (it.heading.to_owned(), it.width));
    let mut lines = vec![Line::from(Span::styled(line(" ", (what, name), cells), bold))];
    if entries.is_empty() {
        let words = match state.kind {
            Kind::Trace => " no call yet",
            Kind::Run => " no trial is finished yet",
        };
        lines.push(Line::from(words));
    }
    let rows = usize::from(area.height).saturating_sub(1);
    let first = (place + 1).saturating_sub(rows);
    for (at, entry) in entries.iter().enumerate().skip(first).take(rows) {
        let cells = columns.iter().map(|it| ((it.cell)(entry), it.width));
        let mark = if at == place { "›" } else { " " };
        let style =
            if at == place { colour(state, Color::Cyan).add_modifier(Modifier::BOLD) } else { Style::new() };
        lines.push(Line::from(Span::styled(line(mark, (&entry.measure.syscall, name), cells), style)));
    }
    lines
}

fn line(mark: &str, (text, width): (&str, usize), cells: impl Iterator<Item = (String, usize)>) -> String {
    let text = fitted(text, width);
    let mut line = format!("{mark}{text:<width$}");
    for (cell, width) in cells {
        let _ = write!(line, "{:GAP$}{cell:>width$}", "");
    }
    line
}

/// Histogram and account of one entry.
fn detail(state: &State, entry: &Entry, frame: &mut Frame, area: Rect) {
    let beside = if area.width >= SIDE_BY_SIDE { ACCOUNT } else { 0 };
    let [left, right] = Layout::horizontal([Constraint::Min(0), Constraint::Length(beside)]).areas(area);
    let latencies = latencies(&entry.measure);
    let of_failures = entry.measure.ok.count == 0 && entry.measure.error.count > 0;
    let whose = if of_failures { "failures" } else { "successes" };
    let heading =
        format!(" {}: latency of {} {whose}", entry.measure.syscall, units::count(latencies.count.into()));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut lines =
        vec![Line::default(), Line::from(Span::styled(fitted(&heading, left.width.into()), bold))];
    let room = usize::from(left.height).saturating_sub(lines.len());
    lines.extend(histogram(state, entry, (room, left.width.into())));
    frame.render_widget(Paragraph::new(lines), left);
    if beside > 0 {
        frame.render_widget(Paragraph::new(account(state, entry, right.height.into())), right);
    }
}

fn histogram(state: &State, entry: &Entry, (rows, width): (usize, usize)) -> Vec<Line<'static>> {
    let bars = bars(latencies(&entry.measure), rows);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    let counts: Vec<String> = bars.iter().map(|bar| units::count(bar.count.into())).collect();
    let widest = counts.iter().map(|count| count.chars().count()).max().unwrap_or(0);
    let room = width.saturating_sub(15 + widest);
    let line = |(bar, count): (&reports::trace::Bar, String)| {
        let eighths =
            usize::try_from(u128::from(bar.count) * (room as u128 * 8) / u128::from(most)).unwrap_or(0);
        // What is there at all is seen.
        let eighths = if bar.count > 0 { eighths.max(1) } else { 0 };
        let drawn = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
        Line::from(vec![
            Span::raw(format!("{:>10} ", units::duration(bar.lower_ns as f64))),
            Span::raw(format!("{count:>widest$} ")),
            Span::styled(drawn, colour(state, Color::Cyan)),
        ])
    };
    bars.iter().zip(counts).map(line).collect()
}

/// Where the calls went, and how those failed that did.
fn account(state: &State, entry: &Entry, rows: usize) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let ledger = ledger(&entry.measure);
    let open = if state.kind == Kind::Trace { "under way" } else { "censored" };
    let figure = |what: &str, count: i128| format!("  {what:<12}{:>16}", units::count(count));
    let mut lines = vec![
        Line::default(),
        Line::from(Span::styled("  where the calls went", bold)),
        Line::from(figure("entered", ledger.entered.into())),
        Line::from(figure("returned", returned(&entry.measure).into())),
        Line::from(figure(open, ledger.censored.into())),
    ];
    let lost = if ledger.lost == 0 { Style::new() } else { colour(state, Color::Red) };
    lines.push(Line::from(Span::styled(figure("lost", ledger.lost.into()), lost)));
    if let Some(compat) = ledger.compat.filter(|compat| *compat > 0) {
        lines.push(Line::from(figure("of 32 bits", compat.into())));
    }
    let mut errnos = entry.measure.errnos.clone();
    errnos.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let name = |errno: u16| errno_name(errno).map_or_else(|| format!("error {errno}"), str::to_owned);
    let failed = errnos.iter().map(|(errno, count)| {
        Line::from(Span::styled(
            figure(&fitted(&name(*errno), 12), (*count).into()),
            colour(state, Color::Red),
        ))
    });
    if errnos.len() < rows.saturating_sub(lines.len()) || rows > lines.len() + 2 {
        lines.push(Line::from(Span::styled(if errnos.is_empty() { "" } else { "  failed with" }, bold)));
        lines.extend(failed);
    }
    lines.truncate(rows);
    lines
}

fn key_line(state: &State) -> Line<'static> {
    let dim = Style::new().add_modifier(Modifier::DIM);
    let (pause, end) = match (state.is_paused(), state.kind) {
        (true, Kind::Trace) => ("go on", "end"),
        (false, Kind::Trace) => ("pause", "end"),
        (true, Kind::Run) => ("go on", "interrupt"),
        (false, Kind::Run) => ("pause", "interrupt"),
    };
    let sort = format!("sort by {}", state.sort.name());
    let keys =
        [("↑↓", "choose"), ("s", sort.as_str()), ("p", pause), ("r", "reset"), ("?", "help"), ("q", end)];
    let offered = keys.into_iter().filter(|(key, _)| *key != "r" || state.kind == Kind::Trace);
    let spans = offered.flat_map(|(key, what)| {
        [
            Span::styled(format!(" {key} "), Style::new().add_modifier(Modifier::BOLD)),
            Span::styled(format!("{what} "), dim),
        ]
    });
    Line::from(spans.collect::<Vec<_>>())
}

fn help(state: &State) -> Vec<Line<'static>> {
    let of_trace = [
        "",
        " ↑ ↓ k j tab   choose the system call that is shown below",
        " s S           sort by the next or the previous column",
        " p, space      let the figures stand still; what is traced goes on",
        " r             count from here on; the table at the end has everything",
        " q, Esc        end the trace and print the table",
        "",
        " calls         that returned; errors are those of them that failed",
        " per s         in the latest interval; all else since the beginning or r",
        " p50 p99 max   of the calls that succeeded; – with fewer than 10 beyond it",
        " time in it    that all of them took together",
        " under way     entered, and not returned yet",
        "",
        " The figures are read while they grow. Those of the table at the end are exact.",
    ];
    let of_run = [
        "",
        " ↑ ↓ k j tab   choose the cell that is shown below",
        " s S           sort by the next or the previous column",
        " p, space      let the figures stand still; the run goes on",
        " q, Esc        interrupt the run, as Ctrl-C does: what is finished is kept",
        "",
        " calls         of all trials that are finished and ok; errors are those that failed",
        " per s         within their windows",
        " p50 p99 max   of their calls that succeeded, all together; the report has medians",
        "               over repetitions, with intervals",
        " censored      still under way when a window closed",
        "",
        " Nothing is read within a window: figures change when a trial is stored.",
    ];
    let lines = match state.kind {
        Kind::Trace => &of_trace[..],
        Kind::Run => &of_run[..],
    };
    lines.iter().map(|line| Line::from(*line)).collect()
}

/// Where colours are wanted.
fn colour(state: &State, colour: Color) -> Style {
    if state.has_colour { Style::new().fg(colour) } else { Style::new() }
}

/// As much of a text as there is room for, on one line and with nothing that a terminal would obey.
fn fitted(text: &str, width: usize) -> String {
    let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    if text.chars().count() <= width {
        return text.chars().map(plain).collect();
    }
    let kept = text.chars().take(width.saturating_sub(1)).map(plain);
    kept.chain((width > 0).then_some('…')).collect()
}
