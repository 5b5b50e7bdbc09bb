//! JSON as CEL values, by reference. Scalars become CEL's own values, with borrowed texts. [`JsonList`] and [`JsonMap`]
//! read arrays and objects on demand.

use cel::ExecutionError;
use cel::common::traits::{Adder, Container, Indexer, Iterable, Iterator as CelIterator, Sizer, Zeroer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, Kind, LIST_TYPE, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use serde_json::{Map, Value};
use std::fmt;
use std::slice;
use std::sync::OnceLock;

use super::bounded::{ObjectQuery, out_of_steps};
use super::equality::equal;
use super::search;
use crate::steps;

/// The object of all names, as CEL's variable resolver.
pub(super) struct Names<'a>(pub(super) &'a Value);

impl VariableResolver for Names<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        self.0.get(variable).map(|value| CowVal::Owned(borrow(value)))
    }
}

/// Converts a JSON value to a CEL value that borrows it. A text takes steps by its size, because any function may read
/// all of it. If no steps are left, the evaluation fails at its end.
fn borrow<'a>(value: &'a Value) -> Box<dyn Val + 'a> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => {
            if let Some(int) = number.as_i64() {
                Box::new(CelInt::from(int))
            } else if let Some(uint) = number.as_u64() {
                Box::new(CelUInt::from(uint))
            } else {
                Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN)))
            }
        }
        Value::String(text) => {
            let _ = steps::take_text(text.len());
            Box::new(CelString::from(text.as_str()))
        }
        Value::Array(items) => Box::new(JsonList {
            json: items,
            items: OnceLock::new(),
        }),
        Value::Object(map) => Box::new(JsonMap {
            json: map,
            keys: OnceLock::new(),
        }),
    }
}

/// A JSON array. CEL iterates over references to CEL values; the first iteration creates them.
struct JsonList<'a> {
    json: &'a [Value],
    items: OnceLock<Vec<Box<dyn Val + 'a>>>,
}

/// A JSON object. As in CEL, an iteration returns its keys.
struct JsonMap<'a> {
    json: &'a Map<String, Value>,
    keys: OnceLock<Vec<Box<dyn Val + 'a>>>,
}

/// Implements what [`JsonList`] and [`JsonMap`] have in common.
macro_rules! impl_container {
    ($name:ident, $cel_type:ident, $cache:ident, $as_adder:expr) => {
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} of {}", $cel_type.name(), self.json.len())
            }
        }

        impl Val for $name<'_> {
            fn get_type(&self) -> &Type {
                &$cel_type
            }
            fn cel_type() -> &'static Type {
                &$cel_type
            }
            fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
            where
                Self: 'v,
            {
                $as_adder(self)
            }
            fn as_container(&self) -> Option<&dyn Container> {
                Some(self)
            }
            fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
            where
                Self: 'v,
            {
                Some(self)
            }
            fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
            where
                Self: 'v,
            {
                Some(self)
            }
            fn as_sizer(&self) -> Option<&dyn Sizer> {
                Some(self)
            }
            fn as_zeroer(&self) -> Option<&dyn Zeroer> {
                Some(self)
            }
            fn equals(&self, other: &dyn Val) -> bool {
                equal(self, other)
            }
            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
            where
                Self: 'v,
            {
                Box::new($name {
                    json: self.json,
                    $cache: OnceLock::new(),
                })
            }
        }

        impl Sizer for $name<'_> {
            fn size(&self) -> CelInt {
                CelInt::from(i64::try_from(self.json.len()).unwrap_or(i64::MAX))
            }
        }

        impl Zeroer for $name<'_> {
            fn is_zero_value(&self) -> bool {
                self.json.is_empty()
            }
        }
    };
}

impl_container!(JsonList, LIST_TYPE, items, Some);
impl_container!(JsonMap, MAP_TYPE, keys, |_| None);

impl Adder for JsonList<'_> {
    fn add<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let mut more = rhs
            .as_iterable()
            .filter(|_| rhs.get_type().kind() == Kind::List)
            .ok_or_else(|| {
                let types = vec!["list".to_owned(), rhs.get_type().name().to_owned()];
                ExecutionError::no_such_overload("_+_", types)
            })?
            .iter();
        let mut list: Vec<Box<dyn Val + 'v>> = Vec::with_capacity(self.json.len());
        for item in self.json {
            list.push(borrow(item));
        }
        while let Some(item) = more.next() {
            list.push(item.clone_as_boxed());
        }
        Ok(CowVal::owned(CelList::from(list)))
    }
}

impl Container for JsonList<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        steps::take_many(self.json.len() / 8).map_err(out_of_steps)?;
        // Nearly every search is for a text. This avoids a CEL value per element.
        if let Some(text) = value.downcast_ref::<CelString>() {
            return Ok(self.json.iter().any(|item| item.as_str() == Some(text.inner())));
        }
        Ok(self.json.iter().any(|item| equal(borrow(item).as_ref(), value)))
    }
}

impl Container for JsonMap<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(key
            .downcast_ref::<CelString>()
            .is_some_and(|key| self.json.contains_key(key.inner())))
    }
}

impl Indexer for JsonList<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        // A search in a list is one in its first item.
        if let (Some(query), Some(Value::Object(item))) =
            (index.downcast_ref::<ObjectQuery>(), self.json.first())
        {
            let item = JsonMap {
                json: item,
                keys: OnceLock::new(),
            };
            return item.query(query).map(CowVal::Owned);
        }
        let position = if let Some(index) = index.downcast_ref::<CelInt>() {
            *index.inner()
        } else if let Some(index) = index.downcast_ref::<CelUInt>() {
            i64::try_from(*index.inner()).unwrap_or(i64::MAX)
        } else {
            return Err(ExecutionError::UnexpectedType {
                got: index.get_type().name().to_owned(),
                want: "int".to_owned(),
            });
        };
        usize::try_from(position)
            .ok()
            .and_then(|position| self.json.get(position))
            .map(|item| CowVal::Owned(borrow(item) as Box<dyn Val + 'v>))
            .ok_or(ExecutionError::IndexOutOfBounds(cel::Value::Int(position)))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Indexer for JsonMap<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        if let Some(query) = key.downcast_ref::<ObjectQuery>() {
            return self.query(query).map(CowVal::Owned);
        }
        let Some(key) = key.downcast_ref::<CelString>() else {
            return Err(ExecutionError::UnexpectedType {
                got: key.get_type().name().to_owned(),
                want: "string".to_owned(),
            });
        };
        self.json
            .get(key.inner())
            .map(|value| CowVal::Owned(borrow(value) as Box<dyn Val + 'v>))
            .ok_or_else(|| ExecutionError::no_such_key(key.inner()))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl<'a> JsonMap<'a> {
    /// Reads the start of the object without a CEL value per entry.
    fn query<'v>(&self, query: &ObjectQuery) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        'a: 'v,
    {
        match query {
            ObjectQuery::Keys(most) => {
                let names = self.json.keys().take(*most);
                let names = names.map(|name| Box::new(CelString::from(name.as_str())) as Box<dyn Val + 'v>);
                Ok(Box::new(CelList::from(names.collect::<Vec<_>>())))
            }
            ObjectQuery::Field(names) => {
                let found = search::first_field(self.json, names);
                found
                    .map(|value| borrow(value) as Box<dyn Val + 'v>)
                    .ok_or_else(|| ExecutionError::no_such_key(&names.join("`, `")))
            }
            ObjectQuery::Found(names, skipped) => {
                let found = search::fields(self.json, names, skipped).map_err(out_of_steps)?;
                let found = found.into_iter().map(|value| borrow(value) as Box<dyn Val + 'v>);
                Ok(Box::new(CelList::from(found.collect::<Vec<_>>())))
            }
            ObjectQuery::Leaves => {
                let leaves = search::leaves(self.json).map_err(out_of_steps)?;
                let leaves = leaves
                    .into_iter()
                    .map(|leaf| Box::new(CelString::from(leaf)) as Box<dyn Val + 'v>);
                Ok(Box::new(CelList::from(leaves.collect::<Vec<_>>())))
            }
        }
    }
}

struct Items<'b, 'a>(slice::Iter<'b, Box<dyn Val + 'a>>);

impl<'b, 'a: 'v, 'v> CelIterator<'b, 'v> for Items<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        let item = self.0.next()?;
        Some(item.as_ref())
    }
}

impl Iterable for JsonList<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        let items = self
            .items
            .get_or_init(|| match steps::take_many(self.json.len()) {
                Ok(()) => self.json.iter().map(borrow).collect(),
                // An iterator cannot fail. The evaluation fails at its end.
                Err(_) => Vec::new(),
            });
        Box::new(Items(items.iter()))
    }
}

impl<'a> Iterable for JsonMap<'a> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        let key = |key: &'a String| Box::new(CelString::from(key.as_str())) as Box<dyn Val + 'a>;
        let keys = self.keys.get_or_init(|| match steps::take_many(self.json.len()) {
            Ok(()) => self.json.keys().map(key).collect(),
            Err(_) => Vec::new(),
        });
        Box::new(Items(keys.iter()))
    }
}
