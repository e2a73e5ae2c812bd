//! Parses an image that is written as numbers in a cell.

use crate::error::{AnnotationError, shortened};

/// Appends integers from 0 to 255, separated by blanks. `expected` is how many there should be, if
/// it is known.
pub(super) fn parse_pixels(
    cell: &[u8],
    pixels: &mut Vec<u8>,
    expected: Option<usize>,
) -> Result<(), AnnotationError> {
    let start = pixels.len();
    if let Some(expected) = expected.filter(|expected| *expected <= cell.len()) {
        pixels.resize(start + expected, 0);
        if parse_regular(cell, &mut pixels[start..]).is_some() {
            return Ok(());
        }
        pixels.truncate(start);
    }
    parse_any(cell, pixels)
}

/// The fast way for numbers that are separated by one blank each and fill the slice. `None` for any
/// other cell, valid or not.
fn parse_regular(cell: &[u8], pixels: &mut [u8]) -> Option<()> {
    let digit = |byte: u8| u32::from(byte.wrapping_sub(b'0'));
    let mut rest = cell;
    let mut slots = pixels.iter_mut();
    // Neighboring pixels mostly have the same number of digits, so that the branches are predicted:
    // this is faster than the usual arithmetic on words without branches.
    while let Some(&[a, b, c, d]) = rest.first_chunk::<4>() {
        let [x, y, z] = [digit(a), digit(b), digit(c)];
        let (value, blank, len) = match (y <= 9, z <= 9) {
            (true, true) => (100 * x + 10 * y + z, d, 4),
            (true, false) => (10 * x + y, c, 3),
            (false, _) => (x, b, 2),
        };
        if x > 9 || blank != b' ' {
            return None;
        }
        *slots.next()? = u8::try_from(value).ok()?;
        rest = &rest[len..];
    }
    // The last number has no blank after it; at most one number is before it.
    for number in rest.split(|byte| *byte == b' ') {
        let mut value = 0;
        for &byte in number {
            value = 10 * value + Some(digit(byte)).filter(|digit| *digit <= 9)?;
        }
        *slots.next().filter(|_| !number.is_empty())? = u8::try_from(value).ok()?;
    }
    slots.next().is_none().then_some(())
}

/// Any number of blanks between the numbers, and an error that names the first invalid one.
fn parse_any(cell: &[u8], pixels: &mut Vec<u8>) -> Result<(), AnnotationError> {
    let start = pixels.len();
    let invalid = |index: usize| {
        let mut words = cell
            .split(u8::is_ascii_whitespace)
            .filter(|w| !w.is_empty());
        let text = shortened(words.nth(index).unwrap_or_default());
        AnnotationError::InvalidPixel { index, text }
    };
    let mut value: Option<u16> = None;
    for &byte in cell {
        match byte {
            b'0'..=b'9' => {
                let next = value.unwrap_or(0) * 10 + u16::from(byte - b'0');
                if next > 255 {
                    return Err(invalid(pixels.len() - start));
                }
                value = Some(next);
            }
            byte if byte.is_ascii_whitespace() => {
                if let Some(value) = value.take() {
                    pixels.push(value as u8);
                }
            }
            _ => return Err(invalid(pixels.len() - start)),
        }
    }
    pixels.extend(value.map(|value| value as u8));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_cells_are_parsed_the_fast_way() {
        for (cell, expected) in [
            ("7", &[7][..]),
            ("255", &[255]),
            ("0 10", &[0, 10]),
            ("0 1 2 3", &[0, 1, 2, 3]),
            ("238 9 24 255 0 1 99 100", &[238, 9, 24, 255, 0, 1, 99, 100]),
        ] {
            let mut pixels = vec![1; expected.len()];
            assert_eq!(
                parse_regular(cell.as_bytes(), &mut pixels),
                Some(()),
                "{cell:?}"
            );
            assert_eq!(pixels, expected);
        }
        for cell in [
            "1  2 3", "1 2", "1 2 3 4", "1 2 256", "1 2 0256", "1 2 x", "a 2 3", "1\t2 3",
        ] {
            assert_eq!(
                parse_regular(cell.as_bytes(), &mut [0; 3]),
                None,
                "{cell:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn both_ways_parse_the_same_pixels(
            cell in "([0-9]{1,3} {1,2}|[0-9]{1,4}[ a\t]|[0-9:/ .-]){0,20}",
            difference in -1isize..2,
        ) {
            let cell = cell.trim_ascii().as_bytes();
            let mut plain = vec![9];
            let result = parse_any(cell, &mut plain);
            let expected = (plain.len() - 1).saturating_add_signed(difference);
            let mut pixels = vec![9];
            prop_assert_eq!(parse_pixels(cell, &mut pixels, Some(expected)), result.clone());
            if result.is_ok() {
                prop_assert_eq!(pixels, plain);
            }
        }
    }
}
