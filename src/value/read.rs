//! Reads a type from a [`Value`], with as little code for each type as will do: there are hundreds
//! of them, and each has a copy of whatever is generic here.
//!
//! Takes what `serde_json::from_value` takes, except that a list may be longer than what it is read
//! into, and that a map's keys are texts: those of JSON are, and every map of the API's types and of
//! what is saved has such keys. A map of other keys is refused. What does not fit is refused without
//! saying where and why: whatever a person wrote has been through `decode`, which does say it, and the
//! words for each type would weigh on the page.

use super::Misfit;
use serde::Deserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Number, Value};
use std::fmt;

/// A value that is read.
pub(super) struct Reader(pub Value);

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Result<T> = std::result::Result<T, Misfit>;

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value> {
    match (number.as_u64(), number.as_i64()) {
        (Some(whole), _) => visitor.visit_u64(whole),
        (_, Some(whole)) => visitor.visit_i64(whole),
        _ => visitor.visit_f64(number.as_f64().unwrap_or_default()),
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match &self.0 {
                Value::Number(number) => visit_number(number, visitor),
                _ => Err(Misfit),
            }
        })*
    };
}

macro_rules! texts {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.0 {
                Value::String(text) => visitor.visit_string(text),
                _ => Err(Misfit),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(truth),
            Value::Number(number) => visit_number(&number, visitor),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            Value::Object(fields) => visitor.visit_map(Fields::new(fields)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match &self.0 {
            Value::Bool(truth) => visitor.visit_bool(*truth),
            _ => Err(Misfit),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            _ => Err(Misfit),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields::new(fields)),
            _ => Err(Misfit),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields::new(fields)),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            _ => Err(Misfit),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Variant {
                name,
                content: Value::Null,
            }),
            Value::Object(fields) if fields.len() == 1 => {
                let (name, content) = fields.into_iter().next().ok_or(Misfit)?;
                visitor.visit_enum(Variant { name, content })
            }
            _ => Err(Misfit),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
    }

    texts! { deserialize_str deserialize_string deserialize_char deserialize_identifier }

    forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple tuple_struct i128 u128
    }
}

/// The items of a list.
struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.0.next() {
            Some(item) => seed.deserialize(Reader(item)).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The fields of an object.
struct Fields {
    rest: serde_json::map::IntoIter,
    value: Value,
}

impl Fields {
    #[inline(never)]
    fn new(fields: serde_json::Map<String, Value>) -> Self {
        Self {
            rest: fields.into_iter(),
            value: Value::Null,
        }
    }

    #[inline(never)]
    fn next(&mut self) -> Option<String> {
        let (name, value) = self.rest.next()?;
        self.value = value;
        Some(name)
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        match self.next() {
            Some(name) => seed.deserialize(name.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        seed.deserialize(Reader(self.value.take()))
    }
}

/// One of an enum's variants: its name, or an object with this for its only key.
struct Variant {
    name: String,
    content: Value,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Misfit;
    type Variant = Reader;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader)> {
        let name = seed.deserialize(self.name.into_deserializer())?;
        Ok((name, Reader(self.content)))
    }
}

impl<'de> VariantAccess<'de> for Reader {
    type Error = Misfit;

    fn unit_variant(self) -> Result<()> {
        match self.0 {
            Value::Null => Ok(()),
            _ => Err(Misfit),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Container, Pod, Secret};
    use serde::Deserialize;
    use serde_json::json;

    /// What is read here, and by `serde_json`.
    fn both<T: for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(json: &Value) -> Result<T> {
        let here = T::deserialize(Reader(json.clone()));
        let there = serde_json::from_value::<T>(json.clone()).map_err(|_| Misfit);
        assert_eq!(here, there, "{json}");
        here
    }

    #[test]
    fn what_serde_json_reads_is_read_the_same() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "x", "labels": {"a": "b"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{
                "name": "c", "unknown": [1, {"x": null}], "stdin": true,
                "resources": {"limits": {"cpu": "1"}},
                "ports": [{"containerPort": 80}],
                "livenessProbe": {"httpGet": {"port": "web"}, "initialDelaySeconds": -3}
            }], "activeDeadlineSeconds": 5_000_000_000_i64, "hostname": null}
        });
        let read: Pod = both(&pod).expect("a Pod");
        assert_eq!(read.spec.expect("it has one").containers[0].name, "c");
        both::<Secret>(&json!({"metadata": {}, "data": {"a": "YQ=="}})).expect("a Secret");
        both::<Vec<f64>>(&json!([1, 2.5, -3])).expect("numbers");
    }

    #[test]
    fn variants_are_names_or_objects_with_one_key() {
        #[derive(Debug, PartialEq, Deserialize)]
        enum Thing {
            Nothing,
            Number(u8),
            Pair(u8, String),
            Named { name: String },
        }
        for json in [
            json!("Nothing"),
            json!({"Number": 7}),
            json!({"Pair": [7, "x"]}),
            json!({"Named": {"name": "x"}}),
        ] {
            both::<Thing>(&json).expect("a thing");
        }
        for json in [
            json!("Other"),
            json!({"Other": 1}),
            json!({"Number": 7, "Pair": [7, "x"]}),
            json!({"Number": -1}),
            json!({"Nothing": 1}),
            json!({"Pair": {"0": 7}}),
            json!({"Named": "x"}),
            json!({}),
            json!([]),
            json!(7),
        ] {
            both::<Thing>(&json).expect_err("refused");
        }
    }

    #[test]
    fn maps_have_texts_for_keys() {
        use std::collections::BTreeMap;
        let json = json!({"1": "a"});
        both::<BTreeMap<String, String>>(&json).expect("texts");
        let numbers = BTreeMap::<u32, String>::deserialize(Reader(json));
        numbers.expect_err("numbers would need a deserializer of their own");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for json in [
            json!({"name": 7}),
            json!({"name": "c", "stdin": "yes"}),
            json!({"name": "c", "ports": {"containerPort": 80}}),
            json!({"name": "c", "ports": [{"containerPort": 5_000_000_000_i64}]}),
            json!({"name": "c", "ports": [{"containerPort": 1.5}]}),
            json!({"name": "c", "env": [1]}),
            json!({"name": "c", "resources": "much"}),
            json!({"name": "c", "resources": {"limits": [null]}}),
            json!("text"),
            json!(null),
        ] {
            both::<Container>(&json).expect_err("refused");
        }
        both::<Secret>(&json!({"metadata": {}, "data": {"a": "?"}})).expect_err("no base64");
    }
}
