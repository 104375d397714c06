//! JSON as the codecs need it: read leniently, in one pass and without a tree, and recognised without being
//! read where only a text has changed.

pub(crate) mod lenient;
pub(crate) mod shape;
pub(crate) mod string;
pub(crate) mod value;
