//! The functions of librrd that the `rrd` crate does not have, or has only with
//! types that cost an allocation a value. Nothing else in this crate is unsafe.
//!
//! librrd's graph code is not thread-safe (several threads drawing crash or hang
//! inside Pango), so that everything with an `argc, argv` interface runs behind
//! one lock of the process. The `_r` functions keep their state on the stack and
//! their error text per thread, and run side by side.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use parking_lot::Mutex;

/// Held while librrd draws or tunes.
static NOT_THREAD_SAFE: Mutex<()> = Mutex::new(());

/// Skips rows that are not newer than the file instead of failing.
const SKIP_PAST_UPDATES: c_int = 1;

/// Rows as librrd wants them, `time:value:value…`, each with its final NUL.
#[derive(Debug, Default)]
pub(crate) struct UpdateRows {
    text: Vec<u8>,
    starts: Vec<usize>,
}

impl UpdateRows {
    /// Starts a row; its text is appended to what is returned and ended by the
    /// next `row` or by the update.
    pub(crate) fn row(&mut self) -> &mut Vec<u8> {
        self.end();
        self.starts.push(self.text.len());
        &mut self.text
    }

    fn end(&mut self) {
        if !self.starts.is_empty() {
            self.text.push(0);
        }
    }
}

/// Adds rows to a file; rows that are not newer than the file are skipped.
/// No other thread may read or write this file meanwhile.
pub(crate) fn update(path: &CStr, mut rows: UpdateRows) -> Result<(), String> {
    rows.end();
    let mut argv: Vec<*const c_char> = rows
        .starts
        .iter()
        .map(|start| rows.text[*start..].as_ptr().cast())
        .collect();
    let Ok(argc) = c_int::try_from(argv.len()) else {
        return Err("too many rows at once".into());
    };
    // SAFETY: `path` and every row end in NUL and outlive the call; librrd copies
    // each row before it cuts it; argv has argc entries.
    let failed = unsafe {
        rrd_sys::rrd_updatex_r(
            path.as_ptr(),
            ptr::null(),
            SKIP_PAST_UPDATES,
            argc,
            argv.as_mut_ptr(),
        )
    };
    if failed == 0 { Ok(()) } else { Err(error()) }
}

/// Creates a file, replacing what is there. `start` is a second before the first row.
pub(crate) fn create(
    path: &CStr,
    step: u64,
    start: i64,
    definitions: &[CString],
) -> Result<(), String> {
    let mut argv: Vec<*const c_char> = definitions.iter().map(|text| text.as_ptr()).collect();
    let argc = c_int::try_from(argv.len()).map_err(|_| "too many definitions")?;
    // SAFETY: all strings end in NUL and outlive the call, no source files and no
    // template are given, argv has argc entries.
    let failed = unsafe {
        rrd_sys::rrd_create_r2(
            path.as_ptr(),
            step,
            start,
            0,
            ptr::null_mut(),
            ptr::null(),
            argc,
            argv.as_mut_ptr(),
        )
    };
    if failed == 0 { Ok(()) } else { Err(error()) }
}

/// Changes sources and archives of a file as `rrdtool tune` does.
pub(crate) fn tune(arguments: &[CString]) -> Result<(), String> {
    let (argc, mut argv) = mutable_argv(arguments)?;
    let _alone = NOT_THREAD_SAFE.lock();
    // SAFETY: argv has argc NUL-terminated strings; librrd reorders the pointers and
    // reads the strings, both of which live until the end of this function.
    let failed = unsafe { rrd_sys::rrd_tune(argc, argv.as_mut_ptr()) };
    if failed == 0 { Ok(()) } else { Err(error()) }
}

/// Draws a graph as `rrdtool graphv -` does and returns the image.
pub(crate) fn graph(arguments: &[CString]) -> Result<Vec<u8>, String> {
    let (argc, mut argv) = mutable_argv(arguments)?;
    let _alone = NOT_THREAD_SAFE.lock();
    // SAFETY: as in `tune`.
    let info = unsafe { rrd_sys::rrd_graph_v(argc, argv.as_mut_ptr()) };
    if info.is_null() {
        return Err(error());
    }
    let mut image = None;
    let mut entry = info;
    while !entry.is_null() {
        // SAFETY: librrd returned a list of entries that ends with null; the blob of
        // an entry of type BLO has `size` bytes at `ptr`.
        unsafe {
            let one = &*entry;
            let is_image =
                one.type_ == rrd_sys::rrd_info_type_RD_I_BLO && CStr::from_ptr(one.key) == c"image";
            if is_image && !one.value.u_blo.ptr.is_null() {
                let blob = one.value.u_blo;
                let bytes = std::slice::from_raw_parts(blob.ptr, blob.size as usize);
                image = Some(bytes.to_vec());
            }
            entry = one.next;
        }
    }
    // SAFETY: the list came from rrd_graph_v and is not used again.
    unsafe { rrd_sys::rrd_info_free(info) };
    image.ok_or_else(|| "librrd returned no image".into())
}

fn mutable_argv(arguments: &[CString]) -> Result<(c_int, Vec<*mut c_char>), String> {
    let argc = c_int::try_from(arguments.len()).map_err(|_| "too many arguments")?;
    // librrd declares its arguments mutable and changes only the order of the pointers.
    let argv = arguments
        .iter()
        .map(|argument| argument.as_ptr().cast_mut())
        .chain([ptr::null_mut()])
        .collect();
    Ok((argc, argv))
}

/// librrd's last error in this thread.
fn error() -> String {
    // SAFETY: rrd_get_error returns null or a NUL-terminated text that stays until the
    // next call into librrd from this thread; it is copied first.
    unsafe {
        let text = rrd_sys::rrd_get_error();
        if text.is_null() || *text == 0 {
            return "librrd gives no reason".into();
        }
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        rrd_sys::rrd_clear_error();
        copy
    }
}
