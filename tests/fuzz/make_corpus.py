#!/usr/bin/env python3
"""Writes corpus/: what the fuzzers start from, one folder a subject.

    tests/fuzz/make_corpus.py

Files that are named sound-* are accepted; corpus_test.cpp holds the code to it. What is compressed comes out in other bytes
with another version of zlib, zstd(1) or lz4(1), and serves as well. Files that are already there under other names, such as
inputs at which a fuzzer stopped (found-*), stay as they are.
"""
import hashlib
import pathlib
import struct
import subprocess
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"

TEXT = b"what is in the archive, and what is in the archive again\n" * 3


def noise(length):
    state, result = 1, bytearray()
    for _ in range(length):
        state = (state * 1664525 + 1013904223) % 2**32
        result.append(state >> 24)
    return bytes(result)


# --- backup_manifest ---

DIGITS = {"CRC32C": 8, "SHA224": 56, "SHA256": 64, "SHA384": 96, "SHA512": 128}
WAL_RANGE = '{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000100" }'


def entry(path='"Path": "PG_VERSION"', size="3", algorithm="CRC32C", more=""):
    checksum = "" if algorithm is None else f', "Checksum-Algorithm": "{algorithm}"'
    if algorithm in DIGITS:
        checksum += f', "Checksum": "{"8a744722" * (DIGITS[algorithm] // 8)}"'
    return f'{{ {path}, "Size": {size}, "Last-Modified": "2026-11-20 03:00:00 GMT"{checksum}{more} }}'


def manifest(files, version="1", ranges=(WAL_RANGE,)):
    text = '{ "PostgreSQL-Backup-Manifest-Version": %s,\n"Files": [\n%s\n],\n"WAL-Ranges": [\n%s\n],\n' % (
        version, ",\n".join(files), ",\n".join(ranges))
    return sealed(text)


def sealed(text):
    return f'{text}"Manifest-Checksum": "{hashlib.sha256(text.encode()).hexdigest()}"}}\n'.encode()


def manifests():
    label = entry('"Path": "backup_label"', "200")
    for algorithm in ["NONE", *DIGITS]:
        yield f"sound-{algorithm.lower()}", manifest([label, entry(algorithm=algorithm)])
    yield "sound-version-2", manifest([entry()], '2,\n"System-Identifier": 7574839127328964211')
    yield "sound-no-checksum", manifest([entry(algorithm=None)])
    yield "sound-encoded-path", manifest([entry('"Encoded-Path": "626173652fff"')])
    yield "sound-no-files", manifest([], ranges=())
    yield "sound-two-timelines", manifest([entry()], ranges=(
        WAL_RANGE, '{ "Timeline": 4294967295, "Start-LSN": "FFFFFFFF/FFFFFFFF", "End-LSN": "0/0" }'))
    yield "sound-range-at-the-last-position", manifest([entry()], ranges=(
        '{ "Timeline": 1, "Start-LSN": "FFFFFFFF/FFFFFFFF", "End-LSN": "1/0" }',))
    yield "sound-largest-size", manifest([entry(size="18446744073709551615"), label])
    yield "unsealed", manifest([entry()]).replace(b"8a744722", b"8a744723")
    yield "version-3", manifest([entry()], "3")
    yield "two-paths", manifest([entry('"Path": "a", "Encoded-Path": "61"')])
    yield "path-twice", manifest([entry(), entry()])
    yield "odd-hex", manifest([entry('"Encoded-Path": "6"')])
    yield "negative-size", manifest([entry(size="-1")])
    yield "size-as-text", manifest([entry(size='"3"')])
    yield "unknown-algorithm", manifest([entry(algorithm="MD5")])
    yield "control-characters", manifest([entry('"Path": "a\\u001b[2J\\n"', algorithm="MD5")])
    yield "sound-control-characters-in-time", sealed(manifest([entry('"Path": "backup_label"')]).decode().replace(
        " GMT", "\\n\\u001b[2J").rsplit('"Manifest', 1)[0])
    yield "no-position", manifest([entry()], ranges=('{ "Timeline": 1, "Start-LSN": "0", "End-LSN": "/1" }',))
    yield "no-end", manifest([entry()], ranges=(
        '{ "Timeline": 1, "Start-LSN": "FFFFFFFF/00000000000000FF", "End-LSN": "x" }',))
    yield "no-timeline", manifest([entry()], ranges=('{ "Timeline": 0, "Start-LSN": "0/1", "End-LSN": "0/2" }',))
    yield "single-line", b'{"PostgreSQL-Backup-Manifest-Version": 1}\n'
    yield "deep", b"[" * 2000


# --- tar ---

def tar_header(name, size, kind, link, mode=b"0000600\0", size_field=None, magic=b"ustar\x0000", prefix=b""):
    size_field = size_field or b"%011o\0" % size
    fields = struct.pack("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x", name, mode, b"0000000\0", b"0000000\0", size_field,
                         b"00000000000\0", b" " * 8, kind, link, magic, b"", b"", b"", b"", prefix)
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


def member(name, content=b"", kind=b"0", link=b"", **fields):
    return tar_header(name, len(content), kind, link, **fields) + content + bytes(-len(content) % 512)


def tar(*members):
    return b"".join(members) + bytes(1024)


def pax_record(key, value):
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def pax(kind=b"x", **values):
    records = (pax_record(key.replace("_", ".").encode(), value) for key, value in values.items())
    return member(b"PaxHeaders/x", b"".join(records), kind)


def base_256(size, first=0x80):
    return bytes([first]) + (size % 2**88).to_bytes(11, "big")


# GNU tar's old format: four (offset, length) pairs in the header, then the real size.
def old_sparse():
    header = bytearray(tar_header(b"hole", 512, b"S", b"", magic=b"ustar  \0"))
    header[386:410] = b"%011o\0%011o\0" % (4096, 512)
    header[483:495] = b"%011o\0" % 8192
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"s" * 512


FILE = member(b"a", b"1")


def tars():
    yield "sound-empty", tar()
    yield "sound-file", tar(FILE)
    yield "sound-members", tar(member(b"./", kind=b"5"), member(b"./a//b", b"1"), member(b"c/", kind=b"5"),
                               member(b"d", b"2" * 512), member(b"e"), member(b"f", b"3" * 513))
    yield "sound-padded", tar(FILE) + bytes(3072)
    yield "sound-link", tar(member(b"pg_tblspc/16384", kind=b"2", link=b"/fast"))
    yield "sound-prefix", tar(member(b"b", b"1", prefix=b"a/" * 70))
    yield "sound-v7", tar(member(b"a", b"1", kind=b"\0", magic=b""))
    yield "sound-base-256", tar(member(b"a", b"1", size_field=base_256(1)))
    yield "sound-pax-size", tar(pax(size=b"1"), member(b"a", b"1", size_field=b"%011o\0" % 0))
    yield "sound-pax-path", tar(pax(path=b"p/" * 60 + b"x", mtime=b"1732000000.123456789", comment=b"hi"), FILE)
    yield "sound-pax-binary", tar(pax(hdrcharset=b"BINARY", path=b"a\xff"), FILE)
    yield "sound-pax-utf8", tar(pax(path="b/\u00e4\u4e2d".encode()), FILE)
    yield "sound-pax-global", tar(pax(b"g", comment=b"c", mtime=b"1"), FILE)
    yield "sound-pax-attributes", tar(pax(SCHILY_xattr_user=b"v", SCHILY_acl_access=b"user::rw-"), FILE)
    yield "sound-long-name", tar(member(b"././@LongLink", b"l/" * 60 + b"x\0", b"L", magic=b"ustar  \0"), FILE)
    yield "sound-long-link", tar(member(b"././@LongLink", b"/l" * 60 + b"\0", b"K", magic=b"ustar  \0"),
                                 member(b"pg_tblspc/1", kind=b"2", link=b"/l"))
    yield "sound-bytes-in-name", tar(member(b"a\xff\xfe", b"1"))
    yield "hard-link", tar(FILE, member(b"b", kind=b"1", link=b"a"))
    yield "device", tar(member(b"a", kind=b"3"))
    yield "block-device", tar(member(b"a", kind=b"4"))
    yield "fifo", tar(member(b"a", kind=b"6"))
    yield "continued", tar(member(b"a", b"1", kind=b"M", magic=b"ustar  \0"))
    yield "leads-out", tar(member(b"a/../../b", b"1"))
    yield "leads-out-by-pax", tar(pax(path=b"../a"), FILE)
    yield "absolute", tar(member(b"/a", b"1"))
    yield "control-character", tar(member(b"a\x1b[2J", b"1"))
    yield "sound-nul-in-pax-path", tar(pax(path=b"a\0/../b"), FILE)
    yield "no-name", tar(member(b"", b"1"))
    yield "sparse-old", tar(old_sparse())
    yield "sparse-0.0", tar(pax(GNU_sparse_size=b"8192", GNU_sparse_numblocks=b"1", GNU_sparse_offset=b"4096",
                                GNU_sparse_numbytes=b"512"), member(b"a", b"s" * 512))
    yield "sparse-0.1", tar(pax(GNU_sparse_size=b"8192", GNU_sparse_numblocks=b"1", GNU_sparse_name=b"hole",
                                GNU_sparse_map=b"4096,512"), member(b"a", b"s" * 512))
    yield "sparse-1.0", tar(pax(GNU_sparse_major=b"1", GNU_sparse_minor=b"0", GNU_sparse_name=b"hole",
                                GNU_sparse_realsize=b"8192"), member(b"a", b"1\n4096\n512\n".ljust(512, b"\0") + b"s" * 512))
    yield "longer-than-it-says", tar(pax(GNU_sparse_realsize=b"1"), member(b"a", b"s" * 512))
    yield "hole-at-end", tar(pax(GNU_sparse_size=b"8192"), member(b"a", b"s" * 512))
    yield "huge-size", tar(member(b"a", b"1", size_field=base_256(2**62)))
    yield "negative-size", tar(member(b"a", b"1", size_field=base_256(-1, 0xff)))
    yield "huge-pax-size", tar(pax(size=b"9" * 20), FILE)
    yield "sound-huge-pax-record", tar(member(b"x", b"999999999 path=a\n", b"x"), FILE)
    yield "cut-in-content", tar(member(b"a", b"1" * 2000))[:900]
    yield "cut-in-header", tar(FILE, FILE)[:1300]
    yield "cut-in-marker", tar(FILE)[:-512]
    yield "cut-in-pax", tar(pax(path=b"b"), FILE)[:520]
    yield "cut-behind-pax", tar(FILE, pax(path=b"b"), FILE)[:2048]
    yield "cut-behind-long-name", tar(FILE, member(b"././@LongLink", b"l\0", b"L", magic=b"ustar  \0"), FILE)[:2048]
    yield "marker-behind-volume", tar(member(b"a", kind=b"V", magic=b"ustar  \0"))
    yield "marker-behind-pax", tar(FILE, pax(path=b"b"))
    yield "half-marker-behind-pax", tar(FILE, pax(path=b"b"))[:-512]
    yield "half-marker-behind-volume", tar(FILE, member(b"a", kind=b"V", magic=b"ustar  \0"))[:-512]
    yield "half-marker-followed", tar(FILE, member(b"a", kind=b"V", magic=b"ustar  \0"))[:-510] + b"x" + bytes(509)
    yield "followed", tar(FILE) + b"x"
    yield "nothing", b""


def archives():
    label = member(b"backup_label", b"START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n")
    control = member(b"global/pg_control", bytes(range(256)))
    yield "sound-base", tar(label, member(b"base/", kind=b"5"), member(b"base/5/1259", b"c" * 600), control)
    yield "sound-wal", tar(label, member(b"pg_wal/000000010000000000000002", b"w" * 700), control)
    yield "sound-exempt", tar(member(b"postgresql.auto.conf", b"#"), member(b"standby.signal"), member(b"./PG_VERSION", b"15\n"))
    yield "sound-manifest-within", tar(FILE, member(b"backup_manifest", b"{}"), member(b"backup_manifest"))
    yield "sound-tablespace-link", tar(label, member(b"pg_tblspc/16384", kind=b"2", link=b"/fast"))
    yield "sound-empty-map", tar(member(b"tablespace_map"), FILE)
    yield "sound-empty", tar()
    yield "map-without-archive", tar(member(b"tablespace_map", b"16384 /fast\n"), FILE)
    yield "map-of-garbage", tar(member(b"tablespace_map", b"x\n"), FILE)
    yield "other-link", tar(member(b"base", kind=b"2", link=b"/tmp"), FILE)
    yield "file-twice", tar(FILE, FILE)
    yield "file-twice-by-other-name", tar(FILE, member(b"./a", b"2"))
    yield "wal-twice", tar(member(b"pg_wal/x", b"1"), member(b"pg_wal/x", b"1"))
    yield "cut", tar(FILE, FILE)[:1300]


# --- gzip ---

def gzip(content, level=9, strategy=zlib.Z_DEFAULT_STRATEGY, flags=0, fields=b""):
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    data = deflate.compress(content) + deflate.flush()
    return gzip_member(data, content, flags, fields)


def gzip_member(data, content, flags=0, fields=b""):
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff" + fields
    if flags & 2:
        header += struct.pack("<H", zlib.crc32(header) & 0xffff)
    return header + data + struct.pack("<II", zlib.crc32(content), len(content))


def gzips():
    small = gzip(b"bytes")
    empty = gzip(b"")
    yield "sound-text", gzip(TEXT)
    yield "sound-empty", empty
    yield "sound-stored", gzip(TEXT, level=0)
    yield "sound-fixed", gzip(TEXT, strategy=zlib.Z_FIXED)
    yield "sound-huffman-only", gzip(TEXT + noise(200), strategy=zlib.Z_HUFFMAN_ONLY)
    yield "sound-runs", gzip(bytes(70000) + noise(100) + bytes(40000))
    yield "sound-far", gzip(noise(300) + bytes(32000) + noise(300))
    yield "sound-noise", gzip(noise(3000))
    yield "sound-members", small + empty + empty + gzip(TEXT) + empty
    yield "sound-padding", small + bytes(600)
    yield "sound-name", gzip(b"bytes", flags=8, fields=b"base.tar\0")
    yield "sound-all-fields", gzip(b"bytes", flags=0x1f, fields=b"\x04\0abcdname\0comment\0")
    yield "nothing", b""
    yield "followed", small + b"garbage"
    yield "followed-behind-padding", small + bytes(600) + b"x"
    yield "cut-in-header", gzip(b"bytes", flags=8, fields=b"base.tar\0")[:14]
    yield "cut-in-data", gzip(TEXT)[:30]
    yield "cut-in-trailer", small[:-3]
    yield "cut-in-second-header", small + empty[:5]
    yield "wrong-checksum", small[:-6] + b"\0" + small[-5:]
    yield "wrong-length", small[:-1] + b"\1"
    yield "too-far-back", gzip_member(bytes.fromhex("030200"), bytes(3))
    yield "reserved-block", gzip_member(b"\x07", b"")
    yield "other-method", small[:2] + b"\x07" + small[3:]


# --- zstd and lz4 ---

def run(*argv, content=b""):
    return subprocess.run(argv, input=content, stdout=subprocess.PIPE, check=True).stdout


SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0note"


def zstd(content, *options):
    return run("zstd", "-q", "-c", *options, content=content)


# A frame by hand: magic, descriptor, blocks of (type, content or run, is it the last).
def zstd_frame(*blocks, descriptor=b"\0\0"):
    frame = b"\x28\xb5\x2f\xfd" + descriptor
    for kind, size, data, last in blocks:
        frame += struct.pack("<I", size << 3 | kind << 1 | last)[:3] + data
    return frame


def zstds():
    frame = zstd(TEXT, "-19", "--check")
    empty = zstd(b"")
    yield "sound-text", frame
    yield "sound-text-unchecked", zstd(TEXT, "-1", "--no-check")
    yield "sound-empty", empty
    yield "sound-noise", zstd(noise(3000), "-3")
    yield "sound-large", zstd(bytes(200000) + TEXT * 50 + noise(500), "-6", "--check")
    yield "sound-text-of-known-size", zstd(TEXT, f"--stream-size={len(TEXT)}", "--check")
    yield "sound-frames", frame + SKIPPABLE + empty + zstd(b"end", "--no-check") + SKIPPABLE
    yield "sound-skippable", SKIPPABLE
    yield "sound-raw-block", zstd_frame((0, 5, b"bytes", 1))
    yield "sound-run-block", zstd_frame((0, 2, b"ab", 0), (1, 1000, b"x", 1))
    yield "sound-single-segment", zstd_frame((0, 5, b"bytes", 1), descriptor=b"\x20\5")
    yield "nothing", b""
    yield "cut-in-header", frame[:5]
    yield "cut-in-block", frame[:-12]
    yield "cut-in-checksum", frame[:-2]
    yield "cut-in-skippable", frame + SKIPPABLE[:-2]
    yield "wrong-checksum", frame[:-1] + bytes([frame[-1] ^ 1])
    yield "wrong-size", zstd_frame((0, 5, b"bytes", 1), descriptor=b"\x20\6")
    yield "reserved-block", zstd_frame((3, 5, b"bytes", 1))
    yield "too-large-block", zstd_frame((1, 3000, b"x", 1))
    yield "size-in-header-of-nothing", zstd_frame((0, 0, b"", 1), descriptor=b"\x20\6")
    yield "dictionary", zstd_frame((0, 5, b"bytes", 1), descriptor=b"\x01\0\x07")
    yield "followed", frame + b"garbage"


def lz4(content, *options):
    return run("lz4", "-q", "-c", *options, content=content)


def lz4s():
    frame = lz4(TEXT)
    yield "sound-text", frame
    yield "sound-text-9", lz4(TEXT, "-9", "--no-frame-crc")
    yield "sound-empty", lz4(b"")
    yield "sound-noise", lz4(noise(3000))
    yield "sound-small-linked-blocks", lz4(bytes(70000) + TEXT * 20 + noise(500), "-B4", "-BD")
    yield "sound-block-checksums", lz4(TEXT * 40 + noise(100), "-B4", "-BX")
    yield "sound-frames", frame + SKIPPABLE + lz4(b"") + lz4(b"end", "--no-frame-crc") + SKIPPABLE
    yield "sound-skippable", SKIPPABLE
    yield "nothing", b""
    yield "legacy", lz4(TEXT, "-l")
    yield "cut-in-header", frame[:6]
    yield "cut-in-block", frame[:-20]
    yield "cut-in-checksum", frame[:-2]
    yield "wrong-checksum", frame[:-1] + bytes([frame[-1] ^ 1])
    yield "wrong-header-checksum", frame[:6] + bytes([frame[6] ^ 1]) + frame[7:]
    yield "followed", frame + b"garbage"


# --- backup_label and tablespace_map ---

def labels():
    start = b"START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"
    rest = b"CHECKPOINT LOCATION: 0/2000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n"
    time = b"START TIME: 2026-11-20 03:00:00 UTC\nLABEL: nightly\nSTART TIMELINE: 1\n"
    yield "sound-whole", start + rest + time
    yield "sound-start-alone", start
    yield "sound-start-last", time + start[:-1]
    yield "sound-incremental", start + rest + time + b"INCREMENTAL FROM LSN: 0/1000028\nINCREMENTAL FROM TLI: 1\n"
    yield "sound-largest", b"START WAL LOCATION: FFFFFFFF/FFFFFFFF (file FFFFFFFFFFFFFFFFFFFFFFFF)\n"
    yield "no-start", rest + time
    yield "no-file", b"START WAL LOCATION: 0/2000028\n"
    yield "short-file", b"START WAL LOCATION: 0/2000028 (file 00000001)\n"
    yield "no-position", b"START WAL LOCATION: 0 (file 000000010000000000000002)\n"
    yield "nothing", b""


def maps():
    yield "sound-one", b"16384 /fast\n"
    yield "sound-many", b"16384 /fast\n16385 /with space\n4294967295 /last\n"
    yield "sound-escapes", b"16384 /a\\\nb\\\rc\\\\d\n"
    yield "sound-carriage-returns", b"16384 /fast\r\n\r\n16385 /slow\r\n"
    yield "sound-unfinished-line", b"16384 /fast\n16385 /sl"
    yield "sound-twice", b"16384 /fast\n16384 /slow\n"
    yield "sound-empty", b""
    yield "no-path", b"16384 \n"
    yield "no-oid", b" /fast\n"
    yield "oid-0", b"0 /fast\n"
    yield "huge-oid", b"4294967296 /fast\n"
    yield "control-characters", b"x\x1b[2J\\\n\n"


# --- postgresql.conf ---

def configurations():
    yield "sound-usual", (b"# comment\n\nmax_connections = 100\t# (change requires restart)\nshared_buffers 128MB\n"
                          b"lc_time = 'en_US.UTF-8'\ncron.database_name='jobs'\n#port = 5432\n")
    yield "sound-quotes", b"a = 'it''s'\nb = 'it\\'s'\nc = '\\101\\n\\\\'\nd = ''\n"
    yield "sound-includes", b"include 'postgresql.base.conf'\ninclude_if_exists x.conf\ninclude_dir='conf.d'\n"
    yield "sound-lists", (b"shared_preload_libraries = 'pg_cron, \"a,b\" , \"q\"\"q\",$libdir/x'\n"
                          b"search_path = '\"$user\", public'\n")
    yield "sound-carriage-returns", b"a = 1\r\nb = -1.5e-3\r\n"
    yield "sound-empty", b""
    yield "open-quote", b"a = 'x\nb = 1\n"
    yield "two-values", b"a = 1 2\n"
    yield "no-value", b"a\n"
    yield "no-name", b"= 1\n"
    yield "access", b"local all all trust\ninclude \"more rules\"\ninclude_dir hba.d # ours\n"
    yield "no-text", bytes(range(256))


SUBJECTS = {"archive": archives, "backup_label": labels, "configuration": configurations, "gzip": gzips, "lz4": lz4s,
            "manifest": manifests, "tablespace_map": maps, "tar": tars, "zstd": zstds}

for subject, make in SUBJECTS.items():
    folder = CORPUS / subject
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in make():
        (folder / name).write_bytes(content)
