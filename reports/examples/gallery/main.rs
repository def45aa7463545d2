//! Writes every kind of report of a synthetic run into a folder: `cargo run -p reports --example gallery -- FOLDER`.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a picture book, not a program"
)]

mod synthetic;

use reports::{Metric, compare, json, markdown, summarise, text};
use std::{env, error::Error, fs, path::PathBuf, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("which folder?")?);
    fs::create_dir_all(&folder)?;
    let run = synthetic::run(&synthetic::Recipe::default());
    let began = Instant::now();
    let summary = summarise(&run.view());
    println!("summarised in {:?}", began.elapsed());
    fs::write(folder.join("report.txt"), text::render(&summary, &text::TextOptions::default()))?;
    fs::write(folder.join("report.md"), markdown::render(&summary))?;
    fs::write(folder.join("report.json"), json::render(&summary)?)?;
    let began = Instant::now();
    let charts = reports::charts::draw(&summary)?;
    println!("drawn in {:?}", began.elapsed());
    let began = Instant::now();
    let rasteriser = reports::charts::Rasteriser::default();
    for chart in charts.iter().flat_map(|t| t.views.iter().flat_map(|v| &v.charts).chain(&t.across)) {
        fs::write(folder.join(format!("{}.svg", chart.name)), &chart.svg)?;
        fs::write(folder.join(format!("{}.png", chart.name)), rasteriser.png(chart)?)?;
    }
    println!("rasterised in {:?}", began.elapsed());
    let slower = synthetic::run(&synthetic::Recipe { slowdown: 1.1, seed: 2, ..Default::default() });
    let comparison = compare(&run.view(), &slower.view(), Metric::P50, 0.05)?;
    fs::write(
        folder.join("comparison.txt"),
        text::render_comparison(&comparison, &text::TextOptions::default()),
    )?;
    fs::write(folder.join("comparison.md"), markdown::render_comparison(&comparison))?;
    Ok(())
}
