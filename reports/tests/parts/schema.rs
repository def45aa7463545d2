//! `schema/diff.json` and `schema/report.json` held against documents: JSON Schema as far as that file speaks it.

use serde_json::Value;

pub(crate) fn assert_valid(document: &str) {
    assert_eq!(violation_of(document), None);
}

/// The same for a report, by `schema/report.json`.
pub(crate) fn assert_report_valid(document: &str) {
    let schema: Value = serde_json::from_str(include_str!("../../../schema/report.json")).unwrap();
    let found = violation(&schema, &schema, &serde_json::from_str(document).unwrap(), "");
    assert_eq!(found, None);
}

pub(crate) fn violation_of(document: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(include_str!("../../../schema/diff.json")).unwrap();
    violation(&schema, &schema, &serde_json::from_str(document).unwrap(), "")
}

/// The first place where a value is not what the schema says.
fn violation(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let rules = schema.as_object().unwrap();
    // Other rules are about values of that type.
    if let Some(what) = rules.get("type").and_then(|rule| broken_rule(schema, ("type", rule), value)) {
        return Some(format!("{at}: {what}"));
    }
    rules.iter().find_map(|(key, rule)| match key.as_str() {
        "$ref" => {
            let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
            violation(root, target, value, at)
        }
        "anyOf" | "oneOf" => {
            let options = rule.as_array().unwrap();
            let found: Vec<_> = options.iter().map(|it| violation(root, it, value, at)).collect();
            found.iter().all(Option::is_some).then(|| format!("{at}: {found:?}"))
        }
        "properties" => rule
            .as_object()
            .unwrap()
            .iter()
            .find_map(|(name, rule)| violation(root, rule, value.get(name)?, &format!("{at}/{name}"))),
        "items" => value
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .find_map(|(index, value)| violation(root, rule, value, &format!("{at}/{index}"))),
        "$schema" | "$defs" | "definitions" | "title" | "description" => None,
        _ => broken_rule(schema, (key, rule), value).map(|what| format!("{at}: {what}")),
    })
}

/// What is wrong with a value by one rule that looks at it alone.
fn broken_rule(schema: &Value, (key, rule): (&str, &Value), value: &Value) -> Option<String> {
    // A rule for values of one type says nothing of others.
    let number = |holds: fn(f64, f64) -> bool| {
        value.as_f64().is_none_or(|number| holds(number, rule.as_f64().unwrap()))
    };
    let count = |holds: fn(u64, u64) -> bool| {
        value.as_array().is_none_or(|items| holds(items.len() as u64, rule.as_u64().unwrap()))
    };
    let is_kept = match key {
        "type" => match rule {
            Value::Array(names) => names.iter().any(|name| is_of_type(name.as_str().unwrap(), value)),
            name => is_of_type(name.as_str().unwrap(), value),
        },
        "const" => rule == value,
        "enum" => rule.as_array().unwrap().contains(value),
        "minimum" => number(|it, limit| it >= limit),
        "maximum" => number(|it, limit| it <= limit),
        "exclusiveMinimum" => number(|it, limit| it > limit),
        "exclusiveMaximum" => number(|it, limit| it < limit),
        "minItems" => count(|it, limit| it >= limit),
        "maxItems" => count(|it, limit| it <= limit),
        "required" => value.as_object().is_none_or(|map| {
            rule.as_array().unwrap().iter().all(|name| map.contains_key(name.as_str().unwrap()))
        }),
        // Where others may be, and how they look, is not held against anything.
        "additionalProperties" if rule.is_object() => true,
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let known = schema["properties"].as_object().unwrap();
            map.keys().all(|name| known.contains_key(name))
        }),
        other => panic!("the check does not know {other}"),
    };
    (!is_kept).then(|| format!("{key} {rule}, and {value:.60}"))
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the check does not know {other}"),
    }
}
