//! The process's own writable memory, as the operating system shows it.

pub(crate) use imp::{Memory, writable};

/// Addresses that can be read and written.
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Linux: the pages are locked. Windows, which does not tell that under wine: they stand between addresses of the same reservation
    /// that nobody can touch, as only a vault's memory does.
    pub(crate) kept: bool,
}

#[cfg(target_os = "linux")]
mod imp {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::Range;

    pub(crate) struct Memory(File);

    impl Memory {
        pub(crate) fn open() -> Self {
            Self(File::open("/proc/self/mem").unwrap())
        }

        /// How many bytes at the address were read; none where memory is gone.
        pub(crate) fn read(&self, address: usize, into: &mut [u8]) -> usize {
            self.0.read_at(into, address as u64).unwrap_or(0)
        }
    }

    pub(crate) fn writable() -> Vec<Range> {
        let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let (mut ranges, mut current) = (Vec::new(), None);
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            if let Some(flags) = line.strip_prefix("VmFlags:") {
                let kept = flags.split_whitespace().any(|flag| flag == "lo");
                ranges.extend(current.take().map(|(start, end)| Range { start, end, kept }));
            } else if let Some((start, end)) = first.split_once('-') {
                let permissions = words.next().unwrap_or_default();
                let ends = usize::from_str_radix(start, 16).ok().zip(usize::from_str_radix(end, 16).ok());
                current = ends.filter(|_| permissions.starts_with("rw"));
            }
        }
        ranges
    }
}

#[cfg(windows)]
mod imp {
    use windows_sys::Win32::System::Diagnostics::Debug::ReadProcessMemory;
    use windows_sys::Win32::System::Memory::{
        MEM_COMMIT, MEM_RESERVE, MEMORY_BASIC_INFORMATION, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY,
        PAGE_READWRITE, PAGE_WRITECOPY, VirtualQuery,
    };
    use windows_sys::Win32::System::Threading::GetCurrentProcess;

    use super::Range;

    pub(crate) struct Memory;

    impl Memory {
        pub(crate) fn open() -> Self {
            Self
        }

        /// How many bytes at the address were read; none where memory is gone.
        pub(crate) fn read(&self, address: usize, into: &mut [u8]) -> usize {
            let (from, mut got) = (std::ptr::without_provenance(address), 0);
            // SAFETY: the system reads what is there, or says that it cannot; `into` is as long as is said.
            let read = unsafe {
                ReadProcessMemory(GetCurrentProcess(), from, into.as_mut_ptr().cast(), into.len(), &raw mut got)
            };
            if read != 0 { got } else { 0 }
        }
    }

    pub(crate) fn writable() -> Vec<Range> {
        let mut regions = Vec::new();
        let mut at = 0usize;
        loop {
            let mut region = MEMORY_BASIC_INFORMATION::default();
            // SAFETY: asks only; the place is as long as is said.
            let told = unsafe { VirtualQuery(std::ptr::without_provenance(at), &raw mut region, size_of_val(&region)) };
            if told == 0 {
                break;
            }
            at = region.BaseAddress.addr() + region.RegionSize;
            regions.push(region);
        }
        const WRITABLE: [u32; 4] = [PAGE_READWRITE, PAGE_WRITECOPY, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY];
        let guards = |other: Option<&MEMORY_BASIC_INFORMATION>, region: &MEMORY_BASIC_INFORMATION| {
            other.is_some_and(|other| other.State == MEM_RESERVE && other.AllocationBase == region.AllocationBase)
        };
        let mut ranges = Vec::new();
        for (index, region) in regions.iter().enumerate() {
            if region.State == MEM_COMMIT && WRITABLE.contains(&region.Protect) {
                let (below, above) =
                    (index.checked_sub(1).and_then(|index| regions.get(index)), regions.get(index + 1));
                let start = region.BaseAddress.addr();
                let kept = guards(below, region) && guards(above, region);
                ranges.push(Range { start, end: start + region.RegionSize, kept });
            }
        }
        ranges
    }
}
