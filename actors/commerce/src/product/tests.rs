//! Tables of the product's decisions.
