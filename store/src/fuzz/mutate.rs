//! Changes of files: of their bytes, of a text's values, and of what a table's footer and pages say.

use super::Corpus;
use crate::writer::VERSION_KEY;
use polars_core::prelude::*;
use polars_io::prelude::*;
use polars_parquet_format::thrift::protocol::{TCompactInputProtocol, TCompactOutputProtocol};
use polars_parquet_format::{
    CompressionCodec, Encoding, FieldRepetitionType, FileMetaData, PageHeader, PageType, Type,
};

/// Numbers that look random and are the same each time (Knuth's linear congruences).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The upper half is the better one.
        (self.0 >> 33) ^ self.0 << 31
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::try_from((self.next() & 0x7fff_ffff) % count.max(1) as u64).unwrap()
    }

    pub(super) fn is_one_of(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of the first codes of an enumeration, and those beyond it.
    fn code(&mut self, count: usize) -> i32 {
        i32::try_from(self.below(count)).unwrap()
    }

    /// A number that may well be one too many.
    fn odd(&mut self) -> i64 {
        const ODD: [i64; 14] = [
            0,
            1,
            -1,
            2,
            127,
            128,
            65_536,
            1 << 20,
            i32::MAX as i64,
            i32::MIN as i64,
            1 << 31,
            1 << 40,
            i64::MAX,
            i64::MIN,
        ];
        if self.is_one_of(3) { self.next().cast_signed() } else { ODD[self.below(ODD.len())] }
    }
}

/// A table as it would be without compression, so that a changed byte of a page reaches the decoders.
pub(crate) fn unpacked(frame: &DataFrame) -> Vec<u8> {
    let mut file = Vec::new();
    let version = vec![(VERSION_KEY.to_owned(), crate::FORMAT_VERSION.to_string())];
    ParquetWriter::new(&mut file)
        .with_compression(ParquetCompression::Uncompressed)
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(version)))
        .finish(&mut frame.clone())
        .unwrap();
    file
}

/// Makes files of known ones.
pub(super) struct Mutator<'a> {
    corpus: &'a Corpus,
}

impl<'a> Mutator<'a> {
    pub(super) fn new(corpus: &'a Corpus) -> Self {
        Self { corpus }
    }

    /// A changed manifest or part, with the name of its file.
    pub(super) fn text(&mut self, random: &mut Random, is_manifest: bool) -> (String, Vec<u8>) {
        let texts = self.corpus.texts(is_manifest);
        let (name, text) = texts[random.below(texts.len())];
        let (_, other) = &self.corpus.texts[random.below(self.corpus.texts.len())];
        (name.clone(), changed_text(random, text, other))
    }

    /// A changed table, with its name.
    pub(super) fn table(&mut self, random: &mut Random) -> (String, Vec<u8>) {
        let tables = &self.corpus.tables;
        let (name, file) = &tables[random.below(tables.len())];
        let (_, other) = &tables[random.below(tables.len())];
        (name.clone(), changed_table(random, file, other))
    }
}

/// A text with a few of its bytes, or of its values, changed.
pub(super) fn changed_text(random: &mut Random, text: &[u8], other: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(4) {
        if random.is_one_of(3) {
            change_bytes(random, &mut text, other);
        } else {
            change_value(random, &mut text);
        }
    }
    text
}

/// Puts something else in the place of a value, or of what is between two commas.
fn change_value(random: &mut Random, text: &mut Vec<u8>) {
    const ODD: [&str; 19] = [
        "null",
        "0",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        "1e308",
        "1e999",
        "0.5",
        "true",
        "\"\"",
        "[]",
        "{}",
        "[[0,1],[0,1]]",
        "\"\\ud800\"",
        "\"../../x\"",
        "65535",
        "1152921504606846977",
        "\"running\"",
    ];
    let at = random.below(text.len());
    let Some(begin) = text[at..].iter().position(|byte| b":[,".contains(byte)) else { return };
    let begin = at + begin + 1;
    let end =
        text[begin..].iter().position(|byte| b",]}".contains(byte)).map_or(text.len(), |end| begin + end);
    let odd: Vec<u8> = match random.below(8) {
        0 => random.odd().to_string().into_bytes(),
        1 => b"[".repeat(many(random)),
        2 => [b"\"".as_slice(), &b"x".repeat(many(random)), b"\""].concat(),
        3 => text[begin..end].repeat(random.below(4)),
        _ => ODD[random.below(ODD.len())].into(),
    };
    text.splice(begin..end, odd);
}

/// A few, and now and then very many.
fn many(random: &mut Random) -> usize {
    if random.is_one_of(100) { random.below(100_000) } else { random.below(200) }
}

/// Flips, overwrites, cuts, repeats, or takes from another file.
fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len());
    let end = (at + random.below(32)).min(bytes.len());
    match random.below(8) {
        0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        2 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        3 => {
            let odd = random.odd().to_le_bytes();
            let end = (at + [1, 2, 4, 8][random.below(4)]).min(bytes.len());
            bytes[at..end].copy_from_slice(&odd[..end - at]);
        }
        4 => drop(bytes.drain(at..end)),
        5 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again.repeat(1 + random.below(8)));
        }
        6 if random.is_one_of(4) => bytes.truncate(at),
        7 if random.is_one_of(4) => {
            let from = random.below(other.len());
            bytes.splice(at.., other[from..].iter().copied());
        }
        _ => {
            let from = random.below(other.len());
            let to = (from + random.below(64)).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
    }
}

/// A table with something changed, in its bytes or in what it says of itself; or another one in its place.
pub(super) fn changed_table(random: &mut Random, file: &[u8], other: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    match random.below(8) {
        0 => return other.to_vec(),
        1 => change_bytes(random, &mut file, other),
        2 => {
            let begin = footer_of(&file).0;
            let mut footer = file[begin..file.len() - 8].to_vec();
            change_bytes(random, &mut footer, other);
            return with_footer(&file[..begin], &footer);
        }
        3 | 4 => return with_changed_footer(random, &file),
        5 => return with_changed_page(random, &file),
        _ => {
            // Pages only, where nothing is as long as something else says.
            let end = footer_of(&file).0;
            for _ in 0..=random.below(3) {
                let at = 4 + random.below(end - 4);
                file[at] = if random.is_one_of(2) {
                    file[at] ^ 1 << random.below(8)
                } else {
                    u8::try_from(random.below(256)).unwrap()
                };
            }
        }
    }
    file
}

/// Where the footer begins, and what it says.
pub(crate) fn footer_of(file: &[u8]) -> (usize, FileMetaData) {
    let end = file.len() - 8;
    let length = u32::from_le_bytes(file[end..end + 4].try_into().unwrap());
    let begin = end - length as usize;
    let mut protocol = TCompactInputProtocol::new(&file[begin..end], usize::MAX);
    (begin, FileMetaData::read_from_in_protocol(&mut protocol).unwrap())
}

pub(crate) fn with_footer(pages: &[u8], footer: &[u8]) -> Vec<u8> {
    let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
    [pages, footer, &length, b"PAR1"].concat()
}

fn with_changed_footer(random: &mut Random, file: &[u8]) -> Vec<u8> {
    let (begin, mut footer) = footer_of(file);
    for _ in 0..=random.below(2) {
        change_footer(random, &mut footer);
    }
    let mut bytes = Vec::new();
    footer.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut bytes)).unwrap();
    with_footer(&file[..begin], &bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
fn change_footer(random: &mut Random, footer: &mut FileMetaData) {
    let odd = random.odd();
    if random.is_one_of(4) {
        let place = random.below(footer.schema.len());
        let column = &mut footer.schema[place];
        match random.below(6) {
            0 => column.num_children = Some(odd as i32),
            1 => column.type_ = Some(Type(random.code(9))),
            2 => column.repetition_type = Some(FieldRepetitionType(random.code(4))),
            3 => column.logical_type = None,
            4 => column.name = ["", "trial", "factor_", "../x"][random.below(4)].to_owned(),
            _ => drop(footer.schema.remove(place)),
        }
        return;
    }
    let Some(last) = footer.row_groups.len().checked_sub(1) else { return };
    let place = random.below(last + 1);
    if random.is_one_of(4) {
        match random.below(4) {
            0 => footer.num_rows = odd,
            1 => footer.row_groups[place].num_rows = odd,
            2 => {
                // Sound in itself: as many rows once more.
                let again = footer.row_groups[place].clone();
                footer.num_rows = footer.num_rows.wrapping_add(again.num_rows);
                footer.row_groups.push(again);
            }
            _ => footer.key_value_metadata = None,
        }
        return;
    }
    let columns = &mut footer.row_groups[place].columns;
    let (a, b) = (random.below(columns.len()), random.below(columns.len()));
    let Some(chunk) = columns[a].meta_data.as_mut() else { return };
    match random.below(8) {
        0 => chunk.num_values = odd,
        1 => chunk.total_compressed_size = odd,
        2 => chunk.total_uncompressed_size = odd,
        3 => chunk.data_page_offset = odd,
        4 => chunk.dictionary_page_offset = Some(odd),
        5 => chunk.codec = CompressionCodec(random.code(9)),
        6 => chunk.type_ = Type(random.code(9)),
        _ => columns.swap(a, b),
    }
}

/// A table of which the head of one page says something else. Lengths that follow from it are made to fit.
fn with_changed_page(random: &mut Random, file: &[u8]) -> Vec<u8> {
    let (begin, mut footer) = footer_of(file);
    let Some(last) = footer.row_groups.len().checked_sub(1) else { return file.to_vec() };
    let group = random.below(last + 1);
    let column = random.below(footer.row_groups[group].columns.len());
    let chunk = footer.row_groups[group].columns[column].meta_data.as_mut().unwrap();
    let start = usize::try_from(chunk.dictionary_page_offset.unwrap_or(chunk.data_page_offset)).unwrap();
    let end = start + usize::try_from(chunk.total_compressed_size).unwrap();
    let (mut rest, mut content) = (&file[start..end], Vec::new());
    while !rest.is_empty() {
        let mut protocol = TCompactInputProtocol::new(&mut rest, usize::MAX);
        let mut head = PageHeader::read_from_in_protocol(&mut protocol).unwrap();
        let (page, behind) = rest.split_at(usize::try_from(head.compressed_page_size).unwrap());
        rest = behind;
        let mut page = page.to_vec();
        if random.is_one_of(2) {
            change_page(random, &mut head, &mut page);
        }
        head.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut content)).unwrap();
        content.extend(page);
    }
    // Behind the others, where it has room.
    chunk.total_compressed_size = i64::try_from(content.len()).unwrap();
    chunk.data_page_offset = i64::try_from(begin).unwrap();
    chunk.dictionary_page_offset = None;
    let mut bytes = Vec::new();
    footer.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut bytes)).unwrap();
    with_footer(&[&file[..begin], &content].concat(), &bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
fn change_page(random: &mut Random, head: &mut PageHeader, page: &mut Vec<u8>) {
    let odd = random.odd() as i32;
    match random.below(6) {
        0 => head.uncompressed_page_size = odd,
        1 => head.compressed_page_size = odd,
        2 => head.type_ = PageType(random.code(5)),
        3 => {
            // A page may be as short or long as it likes, if it says so.
            change_bytes(random, page, b"\xff\xff\xff\xff\x0f\x00\x01\x80");
            let length = i32::try_from(page.len()).unwrap();
            let more = length.wrapping_sub(head.compressed_page_size);
            head.uncompressed_page_size = head.uncompressed_page_size.wrapping_add(more);
            head.compressed_page_size = length;
        }
        _ => {
            if let Some(it) = &mut head.dictionary_page_header {
                it.num_values =
                    if random.is_one_of(2) { odd } else { it.num_values.wrapping_add(odd.signum()) };
            }
            if let Some(it) = &mut head.data_page_header {
                match random.below(2) {
                    0 => it.num_values = odd,
                    _ => it.encoding = Encoding(random.code(10)),
                }
            }
            if let Some(it) = &mut head.data_page_header_v2 {
                match random.below(6) {
                    0 => it.num_values = odd,
                    1 => it.num_nulls = odd,
                    2 => it.num_rows = odd,
                    3 => it.definition_levels_byte_length = odd,
                    4 => it.is_compressed = Some(odd > 0),
                    _ => it.encoding = Encoding(random.code(10)),
                }
            }
        }
    }
}
