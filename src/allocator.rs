//! The allocator of the native programs: mimalloc.
//!
//! A cluster makes and drops small texts by the million. The crate `mimalloc` asks for every one of
//! them by its alignment, though mimalloc aligns blocks for any of a machine's own types anyway; to
//! leave that out takes 6 in 100 of all instructions off the rollout of `benches/rollout`.

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc,
    mi_zalloc_aligned,
};
use std::alloc::{GlobalAlloc, Layout};

/// How mimalloc aligns a block that is no smaller (`MI_MAX_ALIGN_SIZE`).
const BLOCK_ALIGN: usize = 16;

/// mimalloc.
pub struct Mimalloc;

const fn is_aligned_anyway(size: usize, align: usize) -> bool {
    align <= BLOCK_ALIGN && align <= size
}

// SAFETY: mimalloc answers blocks of at least the size asked for, or null, and never unwinds. A
// block of `size` bytes is aligned to 16, and a smaller one to its size rounded down to a power of
// two: so what `is_aligned_anyway` lets pass is aligned as `Layout` asks. Every block is mimalloc's,
// whichever function made it, so each of them may be grown and freed by any.
unsafe impl GlobalAlloc for Mimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and, of a `Layout`, any alignment will do.
        unsafe {
            match is_aligned_anyway(size, align) {
                true => mi_malloc(size).cast(),
                false => mi_malloc_aligned(size, align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as for `alloc`.
        unsafe {
            match is_aligned_anyway(size, align) {
                true => mi_zalloc(size).cast(),
                false => mi_zalloc_aligned(size, align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller got the block here and gives it back once.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the caller got the block here and uses only the answer from now on.
        unsafe {
            match is_aligned_anyway(size, align) {
                true => mi_realloc(block.cast(), size).cast(),
                false => mi_realloc_aligned(block.cast(), size, align).cast(),
            }
        }
    }
}
