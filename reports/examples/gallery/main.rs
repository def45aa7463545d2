//! Writes every kind of report of a synthetic run into a folder: `cargo run -p reports --example gallery -- FOLDER [REPETITIONS]`.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a picture book, not a program"
)]

mod synthetic;

use reports::{Metric, Question, compare, compare_all, html, json, markdown, summarise, text};
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("which folder?")?);
    fs::create_dir_all(&folder)?;
    // With a number, a long run of four cells with so many repetitions.
    let recipe = match env::args().nth(2) {
        None => synthetic::Recipe::default(),
        Some(repetitions) => synthetic::Recipe {
            sizes: vec!["4KiB", "1MiB"],
            loads: vec!["baseline", "high"],
            repetitions: repetitions.parse()?,
            calls: 400,
            ..synthetic::Recipe::default()
        },
    };
    let run = synthetic::run(&recipe);
    let began = Instant::now();
    let summary = summarise(&run.view());
    println!("summarised in {:?}", began.elapsed());
    fs::write(folder.join("report.txt"), text::render(&summary, &text::TextOptions::default()))?;
    fs::write(folder.join("report.md"), markdown::render(&summary))?;
    fs::write(folder.join("report.json"), json::render(&summary)?)?;
    println!("with text, Markdown and JSON in {:?}", began.elapsed());
    let began = Instant::now();
    let rendered = html::render(&run.view(), &summary)?;
    println!(
        "rendered in {:?}: {} bytes of page, {} files",
        began.elapsed(),
        rendered.html.len(),
        rendered.files.len()
    );
    fs::write(folder.join("index.html"), rendered.html)?;
    for (name, bytes) in rendered.files {
        fs::write(folder.join(name), bytes)?;
    }
    if recipe.repetitions > 100 {
        return Ok(());
    }
    comparisons(&folder, &run)
}

/// Two runs, and four in order.
fn comparisons(folder: &Path, run: &synthetic::SyntheticRun) -> Result<(), Box<dyn Error>> {
    let later = |slowdown, seed| synthetic::run(&synthetic::Recipe { slowdown, seed, ..Default::default() });
    let runs = [later(1.02, 2), later(1.1, 3), later(1.14, 4)];
    let options = text::TextOptions::default();
    let question = Question { metrics: vec![Metric::P50, Metric::P99], ..Question::of(Metric::P50, 0.05) };
    let comparison = compare(&run.view(), &runs[1].view(), &question)?;
    fs::write(folder.join("comparison.txt"), text::render_comparison(&comparison, &options))?;
    fs::write(folder.join("comparison.md"), markdown::render_comparison(&comparison))?;
    fs::write(folder.join("comparison.json"), json::render_comparison(&comparison)?)?;
    fs::write(folder.join("comparison.html"), html::render_comparison(&comparison)?)?;
    let views: Vec<_> = runs.iter().map(synthetic::SyntheticRun::view).collect();
    let trend = compare_all(&run.view(), &views, &Question::of(Metric::P50, 0.05))?;
    fs::write(folder.join("trend.txt"), text::render_trend(&trend, &options))?;
    fs::write(folder.join("trend.md"), markdown::render_trend(&trend))?;
    fs::write(folder.join("trend.json"), json::render_trend(&trend)?)?;
    fs::write(folder.join("trend.html"), html::render_trend(&trend)?)?;
    Ok(())
}
