"""docs/protocol.md, section Documents and keys: what may be stored comes back byte for byte, what may not is refused."""
import random
import struct

import msgpack

from support import ClusterTest, main
from support.client import Packed

MEBIBYTE = 1 << 20


def packed_str(text):
    return msgpack.packb(text)


class Documents(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def store(self, packed):
        """Stores these bytes as a document and returns the bytes that come back."""
        self.assertOk(self.call("PUT", self.key(), Packed(packed)))
        return self.assertOk(self.call("GET", self.key())).packed_result

    def assertKept(self, packed):
        self.assertEqual(self.store(packed), packed)

    def assertRefused(self, packed, *words):
        key = self.key("refused")
        self.assertError(self.call("PUT", key, Packed(packed)), "INVALID_ARGUMENT", *words)
        self.assertOk(self.call("HAS", key), False)

    def test_simple_values(self):
        for value in (None, True, False, "", "text", "Ελλάδα 𝄞 \x00 \n", b"", b"\x00\xff", [], {}, [None], {"": None}):
            self.assertKept(msgpack.packb(value))

    def test_integers_at_the_edges_of_64_bits(self):
        for value in (0, 1, -1, 127, 128, -32, -33, -128, -129, 2**31, -2**31, 2**53 + 1, 2**63 - 1, -2**63, 2**63, 2**64 - 1):
            self.assertKept(msgpack.packb(value))
            self.assertOk(self.call("GET", self.key()), value)

    def test_an_integer_keeps_the_width_it_came_in(self):
        for packed in (b"\x05", b"\xcc\x05", b"\xcd\0\x05", b"\xce\0\0\0\x05", b"\xcf\0\0\0\0\0\0\0\x05", b"\xd0\x05",
                       b"\xd1\0\x05", b"\xd2\0\0\0\x05", b"\xd3\0\0\0\0\0\0\0\x05", b"\xd3" + b"\xff" * 8):
            self.assertKept(packed)

    def test_floats_keep_size_sign_and_nan(self):
        for value in (0.0, -0.0, 1.5, 0.1, 1e308, -5e-324, float("inf"), float("-inf"), float("nan")):
            self.assertKept(b"\xcb" + struct.pack(">d", value))
        for value in (0.0, -0.0, 1.5, 3.4e38, float("inf"), float("nan")):
            self.assertKept(b"\xca" + struct.pack(">f", value))
        self.assertKept(b"\xcb\x7f\xf0\0\0\0\0\0\x01")  # A NaN with a payload.

    def test_lengths_keep_the_width_they_came_in(self):
        for packed in (b"\xa1x", b"\xd9\x01x", b"\xda\0\x01x", b"\xdb\0\0\0\x01x", b"\xc4\x01x", b"\xc5\0\x01x",
                       b"\xc6\0\0\0\x01x", b"\x91\x01", b"\xdc\0\x01\x01", b"\xdd\0\0\0\x01\x01", b"\x81\xa1a\x01",
                       b"\xde\0\x01\xa1a\x01", b"\xdf\0\0\0\x01\xd9\x01a\x01"):
            self.assertKept(packed)

    def test_str_and_bin_stay_what_they_are(self):
        self.assertOk(self.call("PUT", self.key(), ["x", b"x"]))
        self.assertOk(self.call("GET", self.key()), ["x", b"x"])

    def test_maps_keep_the_order_of_their_keys(self):
        names = [f"key{number}" for number in range(2000)]
        random.Random(1).shuffle(names)
        self.assertKept(msgpack.packb({name: number for number, name in enumerate(names)}))
        self.assertKept(msgpack.packb({"b": 1, "a": 2, "": 3, "aa": 4}))

    def test_map_keys_of_all_kinds(self):
        self.assertKept(msgpack.packb({"": 1, " ": 2, "a.b": 3, "1": 4, "\x00": 5, "é": 6, "x" * 70_000: 7}))

    def test_random_documents(self):
        source = random.Random(7)

        def value(depth):
            kind = source.randrange(10 if depth else 7)
            if kind == 7:
                return [value(depth - 1) for _ in range(source.randrange(5))]
            if kind > 7:
                return {f"k{number}": value(depth - 1) for number in range(source.randrange(5))}
            return (None, True, source.getrandbits(64), -source.getrandbits(63), source.random(), "s" * source.randrange(300),
                    source.randbytes(source.randrange(300)))[kind]
        for _ in range(200):
            self.assertKept(msgpack.packb(value(6)))

    def test_nesting_of_128(self):
        self.assertKept(b"\x91" * 127 + b"\x90")
        self.assertKept(b"\x91" * 128 + b"\x01")
        self.assertKept(b"\x81\xa1a" * 128 + b"\xc0")
        self.assertOk(self.call("QUERY", [self.key()] + ["a"] * 128), None)

    def test_nesting_of_129(self):
        self.assertRefused(b"\x91" * 128 + b"\x90", "128")
        self.assertRefused(b"\x81\xa1a" * 129 + b"\xc0", "128")
        self.assertRefused(b"\x91\x81\xa1a" * 65 + b"\xc0", "128")

    def test_a_document_of_16_mebibytes(self):
        largest = b"\xc6" + struct.pack(">I", 16 * MEBIBYTE - 5) + b"x" * (16 * MEBIBYTE - 5)
        self.assertEqual(len(largest), 16 * MEBIBYTE)
        self.assertTrue(self.store(largest) == largest)

    def test_a_document_of_one_byte_more(self):
        self.assertRefused(b"\xc6" + struct.pack(">I", 16 * MEBIBYTE - 4) + b"x" * (16 * MEBIBYTE - 4), "16")

    def test_ext_types(self):
        for packed in (b"\xd4\x01x", b"\xd5\x01xx", b"\xd6\xff\0\0\0\0", b"\xd7\xff" + b"\0" * 8, b"\xd8\x01" + b"x" * 16,
                       b"\xc7\x01\x01x", b"\xc8\0\x01\x01x", b"\xc9\0\0\0\x01\x01x", b"\xc7\0\x01"):
            self.assertRefused(packed)
            self.assertRefused(b"\x92\x01" + packed)
            self.assertRefused(b"\x81\xa1a" + packed)

    def test_duplicate_map_keys(self):
        self.assertRefused(b"\x82\xa1a\x01\xa1a\x02", "a")
        self.assertRefused(b"\x82\xa1a\x01\xd9\x01a\x02")  # The same key, its length packed in another way.
        self.assertRefused(b"\x91\x83\xa1a\x01\xa1b\x01\xa1a\x02")
        self.assertRefused(b"\x82\xa0\x01\xa0\x02")
        many = b"".join(packed_str(f"key{number}") + b"\x01" for number in range(999)) + packed_str("key500") + b"\x01"
        self.assertRefused(b"\xde" + struct.pack(">H", 1000) + many, "key500")
        self.assertKept(b"\x82\xa1a\x81\xa1a\x01\xa1b\x81\xa1a\x01")  # The same key in different maps is fine.

    def test_map_keys_that_are_no_str(self):
        for key in (b"\x01", b"\xc0", b"\xc3", b"\xc4\x01a", b"\x90", b"\x80", b"\xcb" + b"\0" * 8):
            self.assertRefused(b"\x81" + key + b"\x01")

    def test_a_str_that_is_no_utf8(self):
        for text in (b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
                     b"abc\xe2\x82"):
            packed = bytes([0xa0 + len(text)]) + text
            self.assertRefused(packed, "UTF-8")
            self.assertRefused(b"\x91" + packed)
            self.assertRefused(b"\x81" + packed + b"\x01")

    def test_the_byte_that_messagepack_never_uses(self):
        self.assertRefused(b"\xc1")
        self.assertRefused(b"\x91\xc1")


class Keys(ClusterTest):
    settings = {"workers": 3, "k": 2}

    def test_4096_bytes(self):
        key = "k" * 4096
        self.assertOk(self.call("PUT", key, 1), True)
        self.assertOk(self.call("GET", key), 1)
        self.assertOk(self.call("QUERY", [key]), 1)
        self.assertIn(key, self.assertOk(self.call("KEYS", "kkk")).result)

    def test_sizes_that_no_key_has(self):
        for key in ("k" * 4097, b"k" * 4097, "", b""):
            for command, arguments in (("PUT", [key, 1]), ("SET", [key, 1]), ("GET", [key]), ("HAS", [key]), ("DELETE", [key]),
                                       ("POP", [key]), ("QUERY", [[key]]), ("LOCATE", [key]), ("COMPUTE", ["x", {"x": [key]}])):
                with self.subTest(command=command, size=len(key)):
                    self.assertError(self.call(command, *arguments), "INVALID_ARGUMENT", "4096")

    def test_types_that_no_key_has(self):
        for key in (1, 1.5, None, True, ["k"], {"k": 1}):
            self.assertError(self.call("PUT", key, 1), "INVALID_ARGUMENT", "key")
            self.assertError(self.call("GET", key), "INVALID_ARGUMENT", "key")
            self.assertError(self.call("QUERY", [key]), "INVALID_ARGUMENT", "key")

    def test_str_and_bin_with_the_same_bytes_are_one_key(self):
        key = self.key("é")
        self.assertOk(self.call("PUT", key, 1), True)
        self.assertOk(self.call("PUT", key.encode(), 2), False)
        self.assertOk(self.call("GET", key), 2)
        self.assertOk(self.call("QUERY", [key.encode()]), 2)

    def test_any_bytes(self):
        for tail in (b"\x00", b"\x00\x00", b"\xff", b"\xc3", b"\n", b" ", b"a\x00b", bytes(range(256))):
            key = self.key().encode() + tail
            self.assertOk(self.call("PUT", key, tail), True)
            self.assertOk(self.call("GET", key), tail)
        self.assertOk(self.call("COUNT", self.key()), 8)

    def test_a_str_key_may_hold_any_bytes_too(self):
        raw = self.key().encode() + b"\xff\xfe"
        packed = Packed(bytes([0xd9, len(raw)]) + raw)
        self.assertOk(self.call("PUT", packed, 1), True)
        self.assertOk(self.call("GET", raw), 1)

    def test_in_results_a_key_is_str_where_it_is_utf8_else_bin(self):
        prefix = self.key()
        for tail in (b"\xff", "é".encode(), b"\xc3", b"a"):
            self.assertOk(self.call("PUT", prefix.encode() + tail, 1))
        expected = [prefix + "a", prefix.encode() + b"\xc3", prefix + "é", prefix.encode() + b"\xff"]
        self.assertOk(self.call("KEYS", prefix.encode()), expected)
        self.assertOk(self.call("SCAN", prefix), [[key, 1] for key in expected])

    def test_one_key_may_be_the_prefix_of_another(self):
        keys = [self.key("a" * length) for length in range(1, 60)]
        for key in keys:
            self.assertOk(self.call("PUT", key, key), True)
        for key in keys[::2]:
            self.assertOk(self.call("DELETE", key), True)
        for number, key in enumerate(keys):
            self.assertOk(self.call("HAS", key), number % 2 == 1)


if __name__ == "__main__":
    main()
