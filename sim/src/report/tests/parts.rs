//! Scales, ticks, thinning, stacking, formats: the arithmetic under the plots.
