//! Charts as pixels.

use super::{Chart, font};
use crate::ReportError;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels of the image for each logical pixel of the chart.
const SCALE: f32 = 2.0;

/// Turns SVG charts into PNG images, with the embedded font and no other.
pub struct Rasteriser {
    options: Options<'static>,
}

impl Default for Rasteriser {
    fn default() -> Self {
        let mut options = Options { font_family: "Inter".to_owned(), ..Options::default() };
        let fonts = options.fontdb_mut();
        fonts.load_font_data(font::REGULAR.to_vec());
        fonts.load_font_data(font::SEMI_BOLD.to_vec());
        fonts.set_sans_serif_family("Inter");
        Self { options }
    }
}

impl Rasteriser {
    /// The chart as PNG, at twice its logical size.
    pub fn png(&self, chart: &Chart) -> Result<Vec<u8>, ReportError> {
        let failed = |reason: String| ReportError::Image { chart: chart.name.clone(), reason };
        let tree = Tree::from_str(&chart.svg, &self.options).map_err(|error| failed(error.to_string()))?;
        let size = tree.size().to_int_size();
        let enlarged = size.scale_by(SCALE).ok_or_else(|| failed("it has no size".to_owned()))?;
        let mut pixels = Pixmap::new(enlarged.width(), enlarged.height())
            .ok_or_else(|| failed("it is too large".to_owned()))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        encoded(&pixels).map_err(|error| failed(error.to_string()))
    }
}

/// The paper is opaque, so that premultiplied pixels are also plain ones and need no conversion, which would take most
/// of a report's time, as would a better compression, or looking for each row's best filter: Paeth's does nearly as well.
fn encoded(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Paeth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels.data())?;
    writer.finish()?;
    Ok(file)
}
