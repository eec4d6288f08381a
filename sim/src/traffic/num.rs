//! Logarithm, exponential and cosine that give the same bits everywhere.
//!
//! IEEE 754 fixes addition, subtraction, multiplication, division and rounding to the last bit,
//! and Rust neither fuses nor reorders them; what `f64::ln`, `exp` and `cos` answer is left to the
//! C library of the machine. So these three are series of the fixed operations. Against the
//! library they are right to about 1e-15; the tests hold that. Fixed point was the alternative:
//! as exact, but with ranges to watch at every step.

/// ln 2 in two parts: the first has zeros at the end, so that its multiples are exact.
const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The natural logarithm of a normal number above 0.
///
/// # Panics
///
/// When `x` is not one.
#[must_use]
pub fn ln(x: f64) -> f64 {
    assert!(x.is_normal() && x > 0.0, "the logarithm of {x}");
    let bits = x.to_bits();
    let mut exponent = f64::from(u32::try_from(bits >> 52).expect("11 bits")) - 1_023.0;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1_023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1.0;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)), and the argument is below 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for odd in (1..=21).rev().step_by(2) {
        sum = sum * square + 1.0 / f64::from(odd);
    }
    exponent * LN2_HIGH + (2.0 * s * sum + exponent * LN2_LOW)
}

/// e to the `x`; beyond +-700 the value at that edge.
#[must_use]
pub fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let times = (x / std::f64::consts::LN_2 + 0.5).floor();
    let rest = (x - times * LN2_HIGH) - times * LN2_LOW;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * rest / f64::from(n);
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 1,011 by the clamp")]
    let power = i64::from(times as i32) + 1_023;
    sum * f64::from_bits(u64::try_from(power).expect("above -1,011 by the clamp") << 52)
}

/// The cosine of so many whole turns.
#[must_use]
pub fn cos_turns(turns: f64) -> f64 {
    let part = turns - turns.floor();
    let part = if part > 0.5 { 1.0 - part } else { part };
    let (part, sign) = if part > 0.25 { (0.5 - part, -1.0) } else { (part, 1.0) };
    let angle = part * std::f64::consts::TAU;
    let square = angle * angle;
    let mut sum = 1.0;
    for even in (2..=22).rev().step_by(2) {
        let n = f64::from(even);
        sum = 1.0 - sum * square / (n * (n - 1.0));
    }
    sign * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: f64, theirs: f64) {
        let scale = theirs.abs().max(1.0);
        assert!((ours - theirs).abs() <= 4e-15 * scale, "{ours} is not {theirs}");
    }

    #[test]
    fn the_series_agree_with_the_library() {
        for step in 1..20_000_u32 {
            let x = f64::from(step);
            for x in [x, x / 1_000.0, x * 1e12, x / 1e15] {
                close(ln(x), x.ln());
            }
            let x = f64::from(step) / 500.0 - 20.0;
            let (ours, theirs) = (exp(x), x.exp());
            assert!((ours / theirs - 1.0).abs() < 4e-15, "exp({x}) = {ours}, not {theirs}");
            // The library's own argument is rounded: tau times x is off by an ulp of it.
            let gap = (cos_turns(x) - (x * std::f64::consts::TAU).cos()).abs();
            assert!(gap < 5e-14, "cos of {x} turns");
        }
    }

    #[test]
    fn the_edges_are_exact() {
        assert_eq!(ln(1.0).to_bits(), 0.0_f64.to_bits());
        assert_eq!(exp(0.0).to_bits(), 1.0_f64.to_bits());
        assert_eq!(cos_turns(0.0).to_bits(), 1.0_f64.to_bits());
        assert_eq!(cos_turns(0.5).to_bits(), (-1.0_f64).to_bits());
        assert_eq!(exp(1e9).to_bits(), exp(700.0).to_bits());
    }

    #[test]
    fn the_bits_are_these_on_every_machine() {
        // Frozen: a plan's times hang on them. An implementation in another language, of the same
        // series, gives the same bits.
        let bits = [ln(0.3), ln(1e-16), exp(-1.7), exp(12.5), cos_turns(0.1), cos_turns(123.456)]
            .map(f64::to_bits);
        assert_eq!(
            bits,
            [
                0xbff3_4378_fcbd_a721,
                0xc042_6bb1_bbb5_5516,
                0x3fc7_622c_78a9_8a07,
                0x4110_60c5_2565_ba66,
                0x3fe9_e377_9b97_f4a8,
                0xbfee_c8ee_4169_e5b4,
            ]
        );
    }
}
