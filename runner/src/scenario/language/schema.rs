//! The language as JSON Schema, for editors. Draft 7, which taplo and the editors that use it know.

use super::{Default, Key, Kind, Others, ROOT, Table};
use serde_json::{Map, Value, json};

/// ASCII that no name has; every other character is taken for a letter.
const NAME_CHARACTER: &str = r"[^\x00-,./:-@\[-\^`{-\x7f]";

/// A number with digits, as the reader takes it before a unit.
const NUMBER: &str = r"([0-9]+\.?[0-9]*|\.[0-9]+)";

/// The schema of scenarios, pretty and with a line end: what `schema/scenario.json` holds.
pub(crate) fn schema() -> String {
    let Value::Object(mut root) = table(&ROOT) else { return String::new() };
    root.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    root.insert("title".to_owned(), json!("Scenario of Syscall Lab"));
    format!("{:#}\n", Value::Object(root))
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> =
        table.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(|key| matches!(key.default, Default::Required))
        .map(|key| key.name)
        .collect();
    let mut schema = json!({ "type": "object", "description": table.meaning, "additionalProperties": false });
    let mut set = |name: &str, value: Value| schema[name] = value;
    if !properties.is_empty() {
        set("properties", Value::Object(properties));
    }
    if !required.is_empty() {
        set("required", json!(required));
    }
    match &table.others {
        Others::Refused => {}
        Others::Named(least, each) => {
            set("minProperties", json!(least));
            set("patternProperties", json!({ format!("^{NAME_CHARACTER}{{1,64}}$"): kind(each) }));
        }
        Others::StressNg => {
            // As what is additional, for a pattern would hold for the keys with a meaning of their own, too.
            set("additionalProperties", kind(&Kind::StressNg));
            let names = [json!({ "pattern": "^[a-z0-9][a-z0-9-]{1,63}$" }), json!({ "enum": table.names() })];
            set("propertyNames", json!({ "anyOf": names }));
        }
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    if key.takes_factor {
        let reference =
            json!({ "type": "string", "pattern": "^\\$.", "description": "The level of this factor." });
        schema = json!({ "anyOf": [schema, reference] });
    }
    schema["description"] = json!(key.meaning);
    if let Default::Is(value) = key.default {
        schema["default"] = value_of(value);
    }
    if !matches!(key.kind, Kind::Table(_)) {
        schema["examples"] = json!([value_of(key.example)]);
    }
    schema
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Name => name(),
        Kind::Prose => json!({ "type": "string" }),
        // A naught needs no unit.
        Kind::Duration => {
            json!({ "type": "string", "pattern": format!(r"^\s*({NUMBER}\s*(ns|us|ms|s|m|h)|0+)\s*$") })
        }
        Kind::Size => {
            let units = "B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB";
            json!({ "anyOf": [
                { "type": "string", "pattern": format!(r"^\s*{NUMBER}\s*({units})?\s*$") },
                { "type": "integer", "minimum": 1 },
            ] })
        }
        Kind::Integer { from, to } if from == to => json!({ "const": from }),
        Kind::Integer { from, to } => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Kind::Number { least, is_least_in, most } => {
            let bound = if *is_least_in { "minimum" } else { "exclusiveMinimum" };
            json!({ "type": "number", bound: least, "maximum": most })
        }
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Choice(names) => json!({ "type": "string", "enum": names() }),
        Kind::Syscalls(most) => json!({
            "type": "array", "minItems": 1, "maxItems": most, "uniqueItems": true,
            "items": { "anyOf": [{ "enum": issued() }, { "type": "string", "pattern": "^[a-z0-9_]+$" }] },
        }),
        Kind::Levels => json!({
            "type": "array", "minItems": 1, "uniqueItems": true,
            "items": { "anyOf": [level(), { "type": ["number", "boolean"] }] },
        }),
        Kind::StressNg => json!({ "anyOf": [
            { "type": "string", "pattern": "^(\\$.|[^-$/][^/]*$)" },
            { "type": "integer", "minimum": 0 },
            { "const": true },
        ] }),
        Kind::Zip => json!({
            "type": "array",
            "items": { "type": "array", "minItems": 2, "uniqueItems": true, "items": name() },
        }),
        Kind::Exclude => {
            let one = json!({ "anyOf": [level(), { "type": ["number", "boolean"] }] });
            let part = json!({ "anyOf": [one, { "type": "array", "items": one }] });
            let factors = json!({ format!("^{NAME_CHARACTER}{{1,64}}$"): part });
            json!({ "type": "array", "items": {
                "type": "object", "minProperties": 1, "additionalProperties": false, "patternProperties": factors,
            } })
        }
        Kind::Table(inner) => table(inner),
        Kind::Either(one, other) => json!({ "anyOf": [table(one), table(other)] }),
        Kind::Other { schema, .. } => schema(),
    }
}

fn name() -> Value {
    json!({ "type": "string", "pattern": format!("^{NAME_CHARACTER}{{1,64}}$") })
}

/// The label of a level: a name that may have a decimal point in it, or a share.
fn level() -> Value {
    let share = r"[0-9]+(\.[0-9]+)?%( cpus| memory)?";
    let pattern = format!("^({NAME_CHARACTER}{{1,64}}|[0-9]+\\.[0-9]{NAME_CHARACTER}*|{share})$");
    json!({ "type": "string", "pattern": pattern })
}

/// What editors offer as targets: what the workloads issue. Others are named by who knows them.
fn issued() -> Vec<&'static str> {
    let mut names: Vec<&str> =
        generators::Workload::ALL.iter().flat_map(|workload| workload.syscalls()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A value of the tables above as JSON; a test reads every one of them.
fn value_of(toml: &str) -> Value {
    let table: Option<toml::Table> = toml::from_str(&format!("value = {toml}")).ok();
    table.and_then(|table| serde_json::to_value(&table["value"]).ok()).unwrap_or(Value::Null)
}
