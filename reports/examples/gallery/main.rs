//! Writes every kind of report of a synthetic run into a folder: `cargo run -p reports --example gallery -- FOLDER [REPETITIONS]`.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a picture book, not a program"
)]

mod synthetic;

use reports::{Metric, compare, html, json, markdown, summarise, text};
use std::{env, error::Error, fs, path::PathBuf, time::Instant};

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
    let slower = synthetic::run(&synthetic::Recipe { slowdown: 1.1, seed: 2, ..Default::default() });
    let comparison = compare(&run.view(), &slower.view(), Metric::P50, 0.05)?;
    fs::write(
        folder.join("comparison.txt"),
        text::render_comparison(&comparison, &text::TextOptions::default()),
    )?;
    fs::write(folder.join("comparison.md"), markdown::render_comparison(&comparison))?;
    Ok(())
}
