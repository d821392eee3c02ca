"""The file of a user's key: what is taken, and what is refused."""
import os
import pathlib
import tempfile
import unittest

from trellis.user_key import UserKeyError, find_user_key, load_user_key

KEYS = {"server": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "public": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
        "secret": "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"}


class UserKeyFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "ada.user"

    def write(self, text, mode=0o600):
        self.path.write_text(text)
        self.path.chmod(mode)
        return str(self.path)

    def text(self, **others):
        return "# of ada\n" + "".join(f"{name} = {value}\n" for name, value in {**KEYS, **others}.items() if value)

    def test_its_keys_are_read(self):
        key = load_user_key(self.write(self.text()))
        self.assertEqual(key.secret, KEYS["secret"].encode())

    def test_wrong_files_are_refused(self):
        for text in ("", "nonsense\n", self.text(server=None), self.text(public="short"), self.text(other="x" * 40)):
            with self.subTest(text=text), self.assertRaises(UserKeyError):
                load_user_key(self.write(text))
        with self.assertRaisesRegex(UserKeyError, "others can read it"):
            load_user_key(self.write(self.text(), 0o640))
        with self.assertRaisesRegex(UserKeyError, "cannot read"):
            load_user_key(str(self.path) + "-that-is-not-there")

    def test_it_is_found_where_it_may_be(self):
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.pop("TRELLIS_USER", None)
        os.environ["XDG_CONFIG_HOME"] = str(self.path.parent)
        self.assertIsNone(find_user_key(None))
        path = self.write(self.text())
        os.environ["TRELLIS_USER"] = path
        self.assertIsNotNone(find_user_key(None))
        self.assertIsNone(find_user_key("none"))
        os.environ["TRELLIS_USER"] = "none"
        self.assertIsNone(find_user_key(None))
        self.assertIsNotNone(find_user_key(path))
        os.environ.pop("TRELLIS_USER")
        (self.path.parent / "trellis").mkdir()
        self.path.rename(self.path.parent / "trellis" / "user")
        self.assertIsNotNone(find_user_key(None))


if __name__ == "__main__":
    unittest.main()
