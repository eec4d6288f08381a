//! How products are cut into files.

use super::super::{ProductStatus, ProductWord};
use super::*;

fn products(n: usize) -> Vec<Product> {
    let product = |id: usize| Product {
        object: ProductWord::Word,
        id: format!("p{id}"),
        title: "a kettle".repeat(20),
        status: ProductStatus::Active,
        category: "kettles".into(),
        skus: Vec::new(),
        version: 1,
    };
    (0..n).map(product).collect()
}

fn files(n: usize, bytes_max: usize) -> Vec<(File, Vec<u8>)> {
    let mut parts = Vec::new();
    cut(products(n), bytes_max, &mut parts);
    parts
}

#[test]
fn a_file_that_would_be_too_large_is_cut_and_nothing_is_lost() {
    assert_eq!(files(0, 1).len(), 0, "no product, no file");
    let whole = files(7, usize::MAX);
    assert_eq!((whole.len(), whole[0].0.n_products), (1, 7));
    let bytes_max = whole[0].1.len() / 3;
    let cut = files(7, bytes_max);
    assert!(cut.len() >= 4, "{} files", cut.len());
    assert_eq!(cut.iter().map(|(file, _)| file.n_products).sum::<usize>(), 7);
    assert!(
        cut.iter().all(|(file, bytes)| bytes.len() <= bytes_max && file.n_bytes == bytes.len())
    );
    let text: String = cut.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
    let places: Vec<_> = (0..7).map(|id| text.find(&format!("\"p{id}\""))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "in their order");
    assert_eq!(files(7, bytes_max).len(), cut.len());
    assert_eq!(files(2, 1).len(), 2, "one product is a file, however large");
}
