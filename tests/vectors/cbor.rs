//! Bodies as lists of items, read with the encoder's library alone: nothing of the project's own decoders is used here.

use minicbor::Decoder;
use minicbor::data::Type;

/// One item of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Number(u64),
    Bytes(Vec<u8>),
    Text(String),
    Truth(bool),
}

impl Item {
    pub fn number(&self) -> Result<u64, String> {
        if let Self::Number(number) = self { Ok(*number) } else { Err(format!("{self:?} is no number")) }
    }

    pub fn bytes(&self) -> Result<&[u8], String> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(format!("{self:?} is no byte string")) }
    }

    pub fn hash(&self) -> Result<[u8; 32], String> {
        self.bytes()?.try_into().map_err(|_| "a hash has 32 bytes".into())
    }

    pub fn text(&self) -> Result<&str, String> {
        if let Self::Text(text) = self { Ok(text) } else { Err(format!("{self:?} is no text")) }
    }

    pub fn truth(&self) -> Result<bool, String> {
        if let Self::Truth(truth) = self { Ok(*truth) } else { Err(format!("{self:?} is no truth value")) }
    }
}

/// The items of a body, which has `count` of them and nothing behind.
pub fn items<const COUNT: usize>(body: &[u8]) -> Result<[Item; COUNT], String> {
    let wrong = |error: minicbor::decode::Error| error.to_string();
    let mut decoder = Decoder::new(body);
    if decoder.array().map_err(wrong)? != Some(COUNT as u64) {
        return Err(format!("a body of {COUNT} items was expected"));
    }
    let mut items = Vec::new();
    for _ in 0..COUNT {
        items.push(match decoder.datatype().map_err(wrong)? {
            Type::Bytes => Item::Bytes(decoder.bytes().map_err(wrong)?.to_vec()),
            Type::String => Item::Text(decoder.str().map_err(wrong)?.into()),
            Type::Bool => Item::Truth(decoder.bool().map_err(wrong)?),
            _ => Item::Number(decoder.u64().map_err(wrong)?),
        });
    }
    if decoder.position() != body.len() {
        return Err("something stands behind a body".into());
    }
    items.try_into().map_err(|_| "the number of items".into())
}
