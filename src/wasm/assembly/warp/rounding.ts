// Whole numbers from 32-bit floats, and how far those may be off.

/** Added to a float of less than 2^22, it rounds that to a whole number and leaves it in the low bits. */
export const ROUNDER: f32 = 12582912;
export const ROUNDER_BITS: i32 = 0x4b400000;

/** Rounding a 32-bit float changes it by at most this part. */
export const FLOAT_ERROR: f32 = 5.9604644775390625e-8;
