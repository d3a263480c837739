//! Turns a type into a [`Value`], with as little code for each type as will do, as `read` reads one.
//!
//! Gives what `serde_json::to_value` gives. What cannot be JSON (a map whose keys are neither texts nor
//! numbers nor truths) is refused without saying why: no type here has it, and the words for whatever
//! else can fail, such as the printing of a time, would weigh on the page.

use super::Misfit;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Makes values.
pub(super) struct Writer;

type Result<T> = std::result::Result<T, Misfit>;

impl serde::ser::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// A list in the making; of an enum's variant, where it has a name.
pub(super) struct List {
    variant: &'static str,
    items: Vec<Value>,
}

/// An object in the making.
pub(super) struct Fields {
    variant: &'static str,
    fields: Map<String, Value>,
    key: String,
}

impl List {
    fn new(variant: &'static str) -> Self {
        Self {
            variant,
            items: Vec::new(),
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<()> {
        self.items.push(item.serialize(Writer)?);
        Ok(())
    }

    fn done(self) -> Value {
        named(self.variant, Value::Array(self.items))
    }
}

impl Fields {
    fn new(variant: &'static str) -> Self {
        Self {
            variant,
            fields: Map::new(),
            key: String::new(),
        }
    }

    #[inline(never)]
    fn add(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    fn push<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.add(name, value.serialize(Writer)?);
        Ok(())
    }

    fn done(self) -> Value {
        named(self.variant, Value::Object(self.fields))
    }
}

#[inline(never)]
fn named(variant: &str, value: Value) -> Value {
    match variant {
        "" => value,
        variant => Value::Object(Map::from_iter([(variant.to_owned(), value)])),
    }
}

/// How a map's key is written.
#[inline(never)]
fn key_of(value: Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Misfit),
    }
}

macro_rules! plain {
    ($($method:ident $type:ty;)*) => {
        $(fn $method(self, value: $type) -> Result<Value> {
            Ok(Value::from(value))
        })*
    };
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = Misfit;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    plain! {
        serialize_bool bool; serialize_str &str;
        serialize_i8 i8; serialize_i16 i16; serialize_i32 i32; serialize_i64 i64;
        serialize_u8 u8; serialize_u16 u16; serialize_u32 u32; serialize_u64 u64;
        serialize_bytes &[u8];
    }

    fn serialize_f32(self, value: f32) -> Result<Value> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Value> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn serialize_char(self, value: char) -> Result<Value> {
        Ok(Value::String(value.to_string()))
    }

    fn serialize_none(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value> {
        Ok(named(variant, value.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List> {
        Ok(List::new(""))
    }

    fn serialize_tuple(self, _: usize) -> Result<List> {
        Ok(List::new(""))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List> {
        Ok(List::new(""))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List> {
        Ok(List::new(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields> {
        Ok(Fields::new(""))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields> {
        Ok(Fields::new(""))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields> {
        Ok(Fields::new(variant))
    }
}

macro_rules! lists {
    ($($made:ident $method:ident)*) => {
        $(impl $made for List {
            type Ok = Value;
            type Error = Misfit;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<()> {
                self.push(item)
            }

            fn end(self) -> Result<Value> {
                Ok(self.done())
            }
        })*
    };
}

lists! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! structs {
    ($($made:ident)*) => {
        $(impl $made for Fields {
            type Ok = Value;
            type Error = Misfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<()> {
                self.push(name, value)
            }

            fn end(self) -> Result<Value> {
                Ok(self.done())
            }
        })*
    };
}

structs! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Fields {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key = key_of(key.serialize(Writer)?)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let key = std::mem::take(&mut self.key);
        self.push(&key, value)
    }

    fn end(self) -> Result<Value> {
        Ok(self.done())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Wrapped(u8);

    #[derive(Serialize)]
    struct Pair(u8, &'static str);

    #[derive(Serialize)]
    enum Thing {
        Nothing,
        Number(i64),
        Pair(u8, String),
        Named { name: Option<String>, left: () },
    }

    fn both<T: Serialize>(object: &T) -> Value {
        let here = object.serialize(Writer).expect("it is JSON");
        assert_eq!(here, serde_json::to_value(object).expect("it is JSON"));
        here
    }

    #[test]
    fn what_serde_json_writes_is_written_the_same() {
        both(&(true, 'c', "text", Unit, Wrapped(1), Pair(2, "x"), ()));
        both(&(i8::MIN, i64::MIN, u64::MAX, 1.5_f32, -0.25_f64, f64::NAN));
        both(&[Some(1), None]);
        both(&[
            Thing::Nothing,
            Thing::Number(-7),
            Thing::Pair(1, "x".to_owned()),
            Thing::Named {
                name: None,
                left: (),
            },
        ]);
        both(&BTreeMap::from([(1_u32, "a"), (2, "b")]));
        both(&BTreeMap::from([(true, 1)]));
        both(&json!({"a": [1, {"b": null}], "c": 2.5}));
        let pod = json!({
            "metadata": {"name": "x", "labels": {"a": "b"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]}
        });
        let pod = k8s_openapi::api::core::v1::Pod::deserialize(pod).expect("a Pod");
        let written = both(&pod);
        assert_eq!(
            written["metadata"]["creationTimestamp"],
            "2026-01-01T00:00:00Z"
        );
    }

    #[test]
    fn keys_are_texts() {
        let keyed = BTreeMap::from([(vec![1], 1)]);
        assert_eq!(keyed.serialize(Writer), Err(Misfit));
    }
}
