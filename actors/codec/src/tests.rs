//! Envelope round trips, damage, versions, and byte identity with wincode.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::ser::SerializeTuple;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, wincode::SchemaWrite, wincode::SchemaRead,
)]
enum Leaf {
    Unit,
    One(u64),
    Named { text: String, flag: bool },
}

#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, wincode::SchemaWrite, wincode::SchemaRead,
)]
struct Sample {
    a: u8,
    b: u16,
    c: u32,
    d: u64,
    e: i64,
    f: i32,
    text: String,
    bytes: Vec<u8>,
    maybe: Option<i64>,
    list: Vec<Leaf>,
    map: BTreeMap<u32, String>,
    pair: (u16, bool),
    array: [u8; 16],
}

impl Stored for Sample {
    const TYPE: TypeId = 0xFFF0;
    const VERSION: u16 = 2;
    fn upcast(version: u16, bytes: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct V1 {
            a: u8,
        }
        match version {
            1 => from_bytes::<V1>(bytes).map(|v1| Self { a: v1.a, ..sample() }),
            version => Err(Error::Version { type_id: Self::TYPE, version }),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Other;

impl Stored for Other {
    const TYPE: TypeId = 0xFFF1;
}

fn sample() -> Sample {
    Sample {
        a: 1,
        b: 300,
        c: 70_000,
        d: u64::MAX,
        e: -5,
        f: i32::MIN,
        text: "größe".into(),
        bytes: vec![0, 255, 128],
        maybe: Some(-1),
        list: vec![Leaf::Unit, Leaf::One(9), Leaf::Named { text: "x".into(), flag: true }],
        map: BTreeMap::from([(1, "one".into()), (251, "more".into())]),
        pair: (65_535, false),
        array: [7; 16],
    }
}

fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![
        Just(Leaf::Unit),
        any::<u64>().prop_map(Leaf::One),
        (".{0,20}", any::<bool>()).prop_map(|(text, flag)| Leaf::Named { text, flag }),
    ]
}

prop_compose! {
    fn samples()(
        ints in any::<(u8, u16, u32, u64, i64, i32)>(),
        text in ".{0,40}",
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        maybe in any::<Option<i64>>(),
        list in proptest::collection::vec(leaf(), 0..5),
        map in proptest::collection::btree_map(any::<u32>(), ".{0,5}", 0..5),
        pair in any::<(u16, bool)>(),
        array in any::<[u8; 16]>(),
    ) -> Sample {
        let (a, b, c, d, e, f) = ints;
        Sample { a, b, c, d, e, f, text, bytes, maybe, list, map, pair, array }
    }
}

#[test]
fn envelope_round_trip_and_every_single_bit_flip_is_found() {
    let sealed = seal(&sample()).unwrap();
    assert_eq!(open::<Sample>(&sealed).unwrap(), sample());
    for bit in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(open::<Sample>(&damaged).is_err(), "bit {bit} flipped unseen");
    }
    for len in 0..sealed.len() {
        assert!(open::<Sample>(&sealed[..len]).is_err());
    }
    let mut longer = sealed;
    longer.push(0);
    assert_eq!(open::<Sample>(&longer), Err(Error::Trailing(1)));
}

#[test]
fn a_sealed_value_is_appended_whole_or_not_at_all() {
    let mut bytes = b"before".to_vec();
    seal_into(&sample(), &mut bytes).unwrap();
    assert_eq!(bytes, [b"before".as_slice(), &seal(&sample()).unwrap()].concat());
    let mut bytes = b"before".to_vec();
    assert!(seal_into(&Unsayable, &mut bytes).is_err());
    assert_eq!(bytes, b"before");
}

/// What fails when a part of it is written.
#[derive(Deserialize)]
struct Unsayable;

impl Serialize for Unsayable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element("said")?;
        Err(serde::ser::Error::custom("and no more"))
    }
}

impl Stored for Unsayable {
    const TYPE: TypeId = 0xFFF1;
}

#[test]
fn older_versions_are_upcast_and_newer_refused() {
    let old = Packed { type_id: Sample::TYPE, version: 1, bytes: vec![42] };
    assert_eq!(unpack::<Sample>(&old).unwrap().a, 42);
    let new = Packed { type_id: Sample::TYPE, version: 3, bytes: vec![42] };
    assert_eq!(unpack::<Sample>(&new), Err(Error::Version { type_id: 0xFFF0, version: 3 }));
    let other = Packed { type_id: 1, version: 2, bytes: vec![] };
    assert_eq!(unpack::<Sample>(&other), Err(Error::Type { wanted: 0xFFF0, found: 1 }));
}

#[test]
fn what_is_carried_is_the_same_as_itself_and_packed() {
    let value = Carried::of(sample());
    let packed = Carried::from(pack(&sample()).unwrap());
    assert_eq!(value, packed);
    assert_eq!(to_bytes(&value), to_bytes(&packed));
    let sent: Carried = from_bytes(&to_bytes(&value).unwrap()).unwrap();
    let wrong = Err(Error::Type { wanted: Other::TYPE, found: Sample::TYPE });
    assert_eq!(Carried::of(sample()).take::<Other>(), wrong);
    for it in [value, packed.clone(), sent, packed] {
        assert_eq!(it.with(|it: &Sample| it == &sample()), Ok(true));
        assert_eq!(it.with(|_: &Other| ()), wrong.clone().map(drop));
        assert_eq!(it.clone().take::<Other>(), wrong);
        assert_eq!(it.take(), Ok(sample()));
    }
}

/// What serde can say and [`Sample`] does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Rare {
    Unit((), Nothing),
    Small(i8, i16),
    Large(u128, i128),
    Fraction {
        single: f32,
        double: f64,
    },
    Text(char, Wrapped),
    Deep(Option<Option<Box<Self>>>),
    #[serde(with = "serde_bytes")]
    Bytes(Vec<u8>),
    Map(BTreeMap<String, (u8, i64)>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Nothing;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(String);

fn rare() -> impl Strategy<Value = Rare> {
    let leaf = prop_oneof![
        Just(Rare::Unit((), Nothing)),
        any::<(i8, i16)>().prop_map(|(a, b)| Rare::Small(a, b)),
        any::<(u128, i128)>().prop_map(|(a, b)| Rare::Large(a, b)),
        any::<(u64, i64)>().prop_map(|(a, b)| Rare::Large(a.into(), b.into())),
        any::<(f32, f64)>().prop_map(|(single, double)| Rare::Fraction { single, double }),
        any::<(char, String)>().prop_map(|(a, b)| Rare::Text(a, Wrapped(b))),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Rare::Bytes),
        proptest::collection::btree_map(".{0,5}", any::<(u8, i64)>(), 0..5).prop_map(Rare::Map),
    ];
    leaf.prop_recursive(3, 8, 1, |inner| {
        proptest::option::of(proptest::option::of(inner.prop_map(Box::new))).prop_map(Rare::Deep)
    })
}

/// What bincode itself writes.
fn by_bincode<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).unwrap()
}

#[test]
fn numbers_at_the_edges_of_each_length_are_written_as_bincode_writes_them() {
    let edges = [0, 1, 63, 64, 125, 126, 250, 251, 255, 256, 0xFFFF, 0x1_0000, 0xFFFF_FFFF];
    let edges = edges.into_iter().chain([0x1_0000_0000, i64::MAX.unsigned_abs(), u64::MAX]);
    for edge in edges {
        let signed = edge.cast_signed();
        assert_eq!(to_bytes(&edge), Ok(by_bincode(&edge)));
        assert_eq!(to_bytes(&u128::from(edge)), Ok(by_bincode(&u128::from(edge))));
        for signed in [signed, signed.wrapping_neg(), signed.wrapping_sub(1)] {
            assert_eq!(to_bytes(&signed), Ok(by_bincode(&signed)));
            assert_eq!(to_bytes(&i128::from(signed)), Ok(by_bincode(&i128::from(signed))));
        }
        if let (Ok(short), Ok(middle)) = (u16::try_from(edge), u32::try_from(edge)) {
            let (s, m) = (short.cast_signed(), middle.cast_signed());
            let all = (short, middle, edge as usize, s, m, !s, !m);
            assert_eq!(to_bytes(&all), Ok(by_bincode(&all)));
        }
    }
}

#[test]
fn a_sequence_of_unknown_length_cannot_be_written() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..10).filter(|n| n % 2 == 0))
        }
    }
    assert!(matches!(to_bytes(&Endless), Err(Error::Encode(_))));
}

proptest! {
    #[test]
    fn bincode_writes_and_reads_the_same_bytes(value in samples(), rare in rare()) {
        prop_assert_eq!(to_bytes(&value).unwrap(), by_bincode(&value));
        let bytes = to_bytes(&rare).unwrap();
        prop_assert_eq!(&bytes, &by_bincode(&rare));
        let back: Rare = from_bytes(&bytes).unwrap();
        prop_assert_eq!(by_bincode(&back), bytes);
    }

    #[test]
    fn wincode_writes_and_reads_the_same_bytes(value in samples()) {
        let config = wincode::config::Configuration::default().with_varint_encoding();
        let ours = to_bytes(&value).unwrap();
        let theirs = wincode::config::serialize(&value, config).unwrap();
        prop_assert_eq!(&ours, &theirs);
        let back: Sample = wincode::config::deserialize(&ours, config).unwrap();
        prop_assert_eq!(back, value);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = open::<Sample>(&bytes);
        let _ = from_bytes::<Sample>(&bytes);
    }
}
