//! What is known of a table's file before polars is given it.
//!
//! polars believes a file: it allocates what a footer or a page says that there is, and goes as deep as a schema does.
//! Where that is not true, the process ends, and no error can be caught. So the file is gone through first, footer and head
//! of every page, and polars is given a footer that is written anew from what was understood and found sound. Tables of
//! runs are flat and of few types; whatever Parquet knows besides is refused.

use crate::limits;
use polars_parquet_format::thrift::protocol::{TCompactInputProtocol, TCompactOutputProtocol};
use polars_parquet_format::{
    ColumnChunk, ColumnMetaData, CompressionCodec, Encoding, FieldRepetitionType, FileMetaData, LogicalType,
    PageHeader, PageType, RowGroup, SchemaElement, Type,
};

/// What a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";
/// Behind the footer: its length and the magic.
const TAIL_BYTES: usize = 8;
/// Most bytes that the head of a page takes in memory. It has the least and the greatest value of the page in it.
const HEAD_BYTES: usize = 16 * limits::TEXT_BYTES;

/// A footer as it was found.
pub(crate) struct Footer {
    found: FileMetaData,
    /// Where it begins, and pages have to end.
    begin: usize,
}

impl Footer {
    /// Finds the footer of a file. Errors are what is wrong with the file, in words.
    pub(crate) fn of(file: &[u8]) -> Result<Self, String> {
        let end = file.len().checked_sub(TAIL_BYTES).filter(|end| *end >= MAGIC.len());
        let end = end.filter(|_| file.starts_with(MAGIC) && file.ends_with(MAGIC));
        let end = end.ok_or("it is not a Parquet file, or not a whole one")?;
        let mut length = [0; 4];
        length.copy_from_slice(&file[end..end + 4]);
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let begin = end.checked_sub(length).filter(|begin| *begin >= MAGIC.len());
        let begin =
            begin.filter(|_| length <= limits::FOOTER_BYTES).ok_or("its footer is longer than can be")?;
        // Lists are charged with less than they take: what this allows is a multiple of the footer all the same.
        let mut protocol = TCompactInputProtocol::new(&file[begin..end], 8 * length);
        let found = FileMetaData::read_from_in_protocol(&mut protocol);
        Ok(Self { found: found.map_err(|error| format!("its footer cannot be read: {error}"))?, begin })
    }

    /// The value of a key in the file's metadata.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        let pairs = self.found.key_value_metadata.iter().flatten();
        pairs.filter(|pair| pair.key == key).find_map(|pair| pair.value.as_deref())
    }

    /// A file of only this footer, as far as it is sound and needed to read `file`.
    pub(crate) fn sound(&self, file: &[u8]) -> Result<Vec<u8>, String> {
        let columns = columns(&self.found.schema)?;
        let mut left = Left::of(file.len() as u64);
        let row_groups = self.found.row_groups.iter();
        let row_groups: Vec<RowGroup> = row_groups
            .map(|group| row_group(group, columns, &file[..self.begin], &mut left))
            .collect::<Result<_, _>>()?;
        let rows: i64 = row_groups.iter().map(|group| group.num_rows).sum();
        if rows != self.found.num_rows {
            return Err(format!("it says that it has {} rows, and has {rows}", self.found.num_rows));
        }
        let root = SchemaElement { num_children: Some(size(columns.len())), ..element("root") };
        let schema = std::iter::once(root).chain(columns.iter().map(sound_column)).collect();
        // Without what polars would put in a file's metadata: its own idea of the schema, in a form that nests.
        let sound = FileMetaData::new(2, schema, rows, row_groups, None, None, None, None, None);
        let mut bytes = MAGIC.to_vec();
        let mut protocol = TCompactOutputProtocol::new(&mut bytes);
        let written = sound.write_to_out_protocol(&mut protocol);
        written.map_err(|error| format!("its footer cannot be written anew: {error}"))?;
        let length = size(bytes.len() - MAGIC.len());
        bytes.extend(length.to_le_bytes());
        bytes.extend(MAGIC);
        Ok(bytes)
    }
}

/// What may still come in a file.
struct Left {
    rows: u64,
    packed: u64,
    unpacked: u64,
}

impl Left {
    fn of(bytes: u64) -> Self {
        Self { rows: limits::rows(bytes), packed: bytes, unpacked: limits::unpacked_bytes(bytes) }
    }
}

/// Takes so much of what is left.
fn take(left: &mut u64, much: i64, what: &str) -> Result<usize, String> {
    let taken = u64::try_from(much).ok().filter(|taken| taken <= left);
    let taken = taken.ok_or_else(|| format!("it has {much} {what}, of which {left} could be"))?;
    *left -= taken;
    usize::try_from(taken).map_err(|error| error.to_string())
}

/// The columns of a flat schema.
fn columns(schema: &[SchemaElement]) -> Result<&[SchemaElement], String> {
    let (root, columns) = schema.split_first().ok_or("it has no schema")?;
    let number = root.num_children.and_then(|number| usize::try_from(number).ok());
    if number != Some(columns.len()) || columns.len() > limits::COLUMNS {
        return Err(format!("its {} columns are not those of a table", columns.len()));
    }
    match columns.iter().find(|column| !is_known(column)) {
        Some(column) => {
            Err(format!("column {:.100} is of a kind that tables of runs do not have", column.name))
        }
        None => Ok(columns),
    }
}

fn is_known(column: &SchemaElement) -> bool {
    let is_flat = column.num_children.unwrap_or(0) == 0
        && matches!(
            column.repetition_type,
            Some(FieldRepetitionType::REQUIRED | FieldRepetitionType::OPTIONAL)
        );
    let is_typed = match (column.type_, &column.logical_type) {
        (Some(Type::BOOLEAN | Type::INT32 | Type::INT64 | Type::FLOAT | Type::DOUBLE), None)
        | (Some(Type::BYTE_ARRAY), Some(LogicalType::STRING(_))) => true,
        (Some(Type::INT32), Some(LogicalType::INTEGER(kind))) => matches!(kind.bit_width, 8 | 16 | 32),
        (Some(Type::INT64), Some(LogicalType::INTEGER(kind))) => kind.bit_width == 64,
        _ => false,
    };
    is_flat && is_typed
}

/// A column with what is needed to read it, and nothing that could contradict it.
fn sound_column(column: &SchemaElement) -> SchemaElement {
    SchemaElement {
        type_: column.type_,
        repetition_type: column.repetition_type,
        logical_type: column.logical_type.clone(),
        ..element(&column.name)
    }
}

fn element(name: &str) -> SchemaElement {
    SchemaElement::new(None, None, None, name.to_owned(), None, None, None, None, None, None)
}

/// A row group of which every page is there and is as large as it says.
fn row_group(
    group: &RowGroup,
    columns: &[SchemaElement],
    pages: &[u8],
    left: &mut Left,
) -> Result<RowGroup, String> {
    take(&mut left.rows, group.num_rows, "rows")?;
    if group.columns.len() != columns.len() {
        return Err(format!("a row group has {} of {} columns", group.columns.len(), columns.len()));
    }
    let mut chunks = Vec::with_capacity(columns.len());
    for (chunk, column) in group.columns.iter().zip(columns) {
        let place = |reason| format!("column {:.100}: {reason}", column.name);
        chunks.push(column_chunk(chunk, (column, group.num_rows), pages, left).map_err(place)?);
    }
    Ok(RowGroup::new(chunks, 0, group.num_rows, None, None, None, None))
}

fn column_chunk(
    chunk: &ColumnChunk,
    (column, rows): (&SchemaElement, i64),
    pages: &[u8],
    left: &mut Left,
) -> Result<ColumnChunk, String> {
    let found = chunk.meta_data.as_ref().filter(|_| chunk.file_path.is_none()).ok_or("it is elsewhere")?;
    let is_known = matches!(found.codec, CompressionCodec::ZSTD | CompressionCodec::UNCOMPRESSED);
    if Some(found.type_) != column.type_ || found.num_values != rows || !is_known {
        return Err("its values are not what the table says".to_owned());
    }
    let length = take(&mut left.packed, found.total_compressed_size, "bytes")?;
    let offset = found.dictionary_page_offset.unwrap_or(found.data_page_offset);
    let begin = usize::try_from(offset).ok().filter(|begin| *begin >= MAGIC.len());
    let content = begin.and_then(|begin| pages.get(begin..begin.checked_add(length)?));
    let unpacked = check_pages(content.ok_or("it is not in the file")?, rows, left)?;
    let encodings = vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
    let sound = ColumnMetaData::new(
        found.type_,
        encodings,
        vec![column.name.clone()],
        found.codec,
        rows,
        unpacked,
        found.total_compressed_size,
        None,
        offset,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
    );
    Ok(ColumnChunk::new(None, 0, sound, None, None, None, None, None, None))
}

/// Goes from page to page; returns how many bytes they have when they are unpacked.
fn check_pages(mut content: &[u8], rows: i64, left: &mut Left) -> Result<i64, String> {
    let (mut seen, mut unpacked, mut is_first) = (0, 0, true);
    while !content.is_empty() {
        let mut protocol = TCompactInputProtocol::new(&mut content, HEAD_BYTES);
        let head = PageHeader::read_from_in_protocol(&mut protocol);
        let head = head.map_err(|error| format!("the head of a page cannot be read: {error}"))?;
        let packed = usize::try_from(head.compressed_page_size).ok();
        content = packed.and_then(|packed| content.get(packed..)).ok_or("a page is not in the file")?;
        let mut most = limits::PAGE_BYTES.min(left.unpacked);
        take(&mut most, head.uncompressed_page_size.into(), "bytes in a page")?;
        take(&mut left.unpacked, head.uncompressed_page_size.into(), "bytes")?;
        unpacked += i64::from(head.uncompressed_page_size);
        seen += values(&head, is_first)?;
        is_first = false;
    }
    if seen != rows {
        return Err(format!("it has {seen} values in {rows} rows"));
    }
    Ok(unpacked)
}

/// How many values a page has; none in a dictionary, which there is only at the beginning.
fn values(head: &PageHeader, is_first: bool) -> Result<i64, String> {
    let (size, number) = (head.uncompressed_page_size, |number: i32| {
        if number < 0 { Err("a page has fewer than no values".to_owned()) } else { Ok(i64::from(number)) }
    });
    let is_known = |encoding| matches!(encoding, Encoding::PLAIN | Encoding::RLE | Encoding::RLE_DICTIONARY);
    match (head.type_, &head.dictionary_page_header, &head.data_page_header, &head.data_page_header_v2) {
        // Each value takes some of the page, if only its length.
        (PageType::DICTIONARY_PAGE, Some(it), None, None)
            if is_first && it.encoding == Encoding::PLAIN && (0..=size).contains(&it.num_values) =>
        {
            Ok(0)
        }
        (PageType::DATA_PAGE, None, Some(it), None)
            if is_known(it.encoding) && it.definition_level_encoding == Encoding::RLE =>
        {
            number(it.num_values)
        }
        (PageType::DATA_PAGE_V2, None, None, Some(it))
            if is_known(it.encoding)
                && it.repetition_levels_byte_length == 0
                && (0..=size.min(head.compressed_page_size)).contains(&it.definition_levels_byte_length)
                && (0..=it.num_values).contains(&it.num_nulls)
                && it.num_rows == it.num_values =>
        {
            number(it.num_values)
        }
        _ => Err("a page is of a kind that tables of runs do not have".to_owned()),
    }
}

/// A number that was checked to be one of the format's.
fn size(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::TableFile;
    use crate::fuzz::mutate::{footer_of, unpacked, with_footer};
    use polars_core::prelude::*;
    use polars_parquet_format::KeyValue;

    fn table() -> Vec<u8> {
        let numbers = Column::new("number".into(), [1_u64, 2, 3]);
        let words = Column::new("word".into(), ["a", "b", "a"]);
        unpacked(&DataFrame::new_infer_height(vec![numbers, words]).unwrap())
    }

    /// What is said of a table whose footer was changed so.
    fn refusal(change: impl FnOnce(&mut FileMetaData)) -> String {
        let file = table();
        let (begin, mut footer) = footer_of(&file);
        change(&mut footer);
        let mut bytes = Vec::new();
        footer.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut bytes)).unwrap();
        let read = TableFile::of("table".into(), with_footer(&file[..begin], &bytes)).frame();
        read.map_or_else(|error| error.to_string(), |frame| format!("{} rows", frame.rows()))
    }

    /// Makes a footer one that cannot be right.
    type Change = fn(&mut FileMetaData);

    fn chunk(footer: &mut FileMetaData) -> &mut ColumnMetaData {
        footer.row_groups[0].columns[0].meta_data.as_mut().unwrap()
    }

    #[test]
    fn what_a_footer_claims_has_to_be_there() {
        assert_eq!(refusal(|_| {}), "3 rows");
        let cases: [(&str, Change); 12] = [
            ("says that it has 1099511627776 rows", |it| it.num_rows = 1 << 40),
            ("1099511627776 rows, of which", |it| it.row_groups[0].num_rows = 1 << 40),
            ("-1 rows", |it| it.row_groups[0].num_rows = -1),
            ("not what the table says", |it| chunk(it).num_values = 1 << 40),
            ("bytes, of which", |it| chunk(it).total_compressed_size = i64::MAX),
            ("-1 bytes", |it| chunk(it).total_compressed_size = -1),
            ("not in the file", |it| chunk(it).dictionary_page_offset = Some(i64::MAX)),
            ("not in the file", |it| chunk(it).dictionary_page_offset = Some(-1)),
            ("columns are not those", |it| it.schema[0].num_children = Some(i32::MAX)),
            ("of a kind that", |it| it.schema[1].num_children = Some(1)),
            ("of a kind that", |it| it.schema[1].repetition_type = Some(FieldRepetitionType::REPEATED)),
            // All of a file once more: as many columns as there are bytes for, and no more.
            ("bytes, of which", |it| {
                it.row_groups = vec![it.row_groups[0].clone(); 99];
                it.num_rows *= 99;
            }),
        ];
        for (words, change) in cases {
            let told = refusal(change);
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn a_schema_is_not_gone_into() {
        let deep = refusal(|it| {
            let nested = SchemaElement { num_children: Some(1), ..it.schema[1].clone() };
            it.schema.splice(1..1, vec![nested; 100_000]);
        });
        assert!(deep.contains("columns are not those of a table"), "{deep}");
        // What polars itself would take for the schema is not even looked at.
        let value = Some("no base64".to_owned());
        let pair = |it: &mut FileMetaData| {
            let pairs = it.key_value_metadata.as_mut().unwrap();
            pairs.retain(|pair| pair.key != "ARROW:schema");
            pairs.push(KeyValue { key: "ARROW:schema".to_owned(), value });
        };
        assert_eq!(refusal(pair), "3 rows");
    }

    #[test]
    fn lists_are_not_made_as_long_as_they_say() {
        // A struct with a list of as many structs as a number can say, and no more bytes.
        let claim = [0x15, 0x02, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07];
        let file = with_footer(b"PAR1", &claim);
        let told = Footer::of(&file).map(|_| ()).unwrap_err();
        assert!(told.contains("its footer cannot be read"), "{told}");
    }

    #[test]
    fn a_page_is_as_long_as_it_says_and_not_too_long() {
        let file = table();
        let (_, footer) = footer_of(&file);
        let found = footer.row_groups[0].columns[0].meta_data.as_ref().unwrap();
        let begin = usize::try_from(found.dictionary_page_offset.unwrap_or(found.data_page_offset)).unwrap();
        let mut rest = &file[begin..];
        let head =
            PageHeader::read_from_in_protocol(&mut TCompactInputProtocol::new(&mut rest, 1 << 20)).unwrap();
        let page = &rest[..usize::try_from(head.compressed_page_size).unwrap()];
        let told = |change: fn(&mut PageHeader)| {
            let mut head = head.clone();
            change(&mut head);
            let mut bytes = Vec::new();
            head.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut bytes)).unwrap();
            let mut left = Left::of(1 << 20);
            check_pages(&[&bytes, page].concat(), 3, &mut left)
                .map_or_else(|told| told, |_| "sound".to_owned())
        };
        assert!(told(|it| it.uncompressed_page_size = i32::MAX).contains("bytes in a page"));
        assert!(told(|it| it.uncompressed_page_size = -1).contains("-1 bytes in a page"));
        assert!(told(|it| it.compressed_page_size = i32::MAX).contains("a page is not in the file"));
        assert!(told(|it| it.compressed_page_size = -1).contains("a page is not in the file"));
        assert!(told(|it| it.type_ = PageType::INDEX_PAGE).contains("of a kind"));
    }
}
