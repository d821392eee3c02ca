"""The page in headless Chromium, with real clicks and keys, on a real cluster in which a worker is killed.

With TRELLIS_SCREENSHOTS=FOLDER it leaves its pictures there; docs/ has those of the last time.
"""
import os
import pathlib
import re
import unittest

try:
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None

from support import EndToEndTest, main, run, wait_for
from support.gateway import Gateway

CHROMIUM = pathlib.Path("/usr/bin/chromium")
DRIVER = pathlib.Path("/usr/bin/chromedriver")
HERE = webdriver is not None and CHROMIUM.exists() and DRIVER.exists()


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1340"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=webdriver.ChromeService(str(DRIVER))
                            if hasattr(webdriver, "ChromeService") else _service(), options=options)


def _service():
    from selenium.webdriver.chrome.service import Service
    return Service(str(DRIVER))


@unittest.skipUnless(HERE, "needs Debian's chromium, chromium-driver and python3-selenium")
class Page(EndToEndTest):
    bound = 240
    #: What the page is told as errors here on purpose: no such key, a version that has passed, no broker.
    expected = (404, 412, 503, 504)

    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster(workers=3, k=2)
        self.gateway = Gateway(self.cluster)
        self.addCleanup(self.gateway.stop)
        self.gateway.request("POST", "/v1/batch", [["PUT", [f"person{i}", {"age": i}]] for i in range(150)])
        self.gateway.put("/v1/keys/person2", {"name": "Mary", "address": {"street": "Panepistimiou", "number": 12}})
        self.browser = browser()
        self.addCleanup(self.browser.quit)
        self.browser.get(self.gateway.url)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def script(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def picture(self, name):
        folder = os.environ.get("TRELLIS_SCREENSHOTS")
        if folder:
            self.script("scrollTo(0, 0)")
            self.browser.save_screenshot(str(pathlib.Path(folder) / f"{name}.png"))

    def wait_for_text(self, selector, text, seconds=15):
        wait_for(lambda: text in self.text(selector), f"{text!r} in {selector}", seconds)

    def colour_scheme(self, name):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                     {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def test_the_page(self):
        self.wait_for_text("#health", "everything up and guaranteed")
        wait_for(lambda: len(self.all("#ring .slice")) == 16, "16 partitions")
        self.assertEqual(len(self.all("#members tbody tr[data-state=up]")), 3)
        wait_for(lambda: not self.all("#ring .broken"), "every partition to have its leader")
        self.browse()
        self.type_commands()
        self.use_the_keyboard()
        self.watch_the_whole_cluster()
        self.picture("page-healthy")
        self.colour_scheme("dark")
        self.picture("page-healthy-dark")
        self.colour_scheme("light")
        self.shrink_to_a_phone()
        self.edit_a_document()
        self.reload()
        self.open_it_before_the_cluster()
        self.kill_a_worker()
        self.stop_the_broker()
        wrong = [entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"
                 and not any(f"status of {status}" in entry["message"] for status in self.expected)]
        self.assertEqual(wrong, [])

    def browse(self):
        self.wait_for_text("#count", "150 keys")
        self.find("#more").click()
        wait_for(lambda: len(self.all("#keys li")) == 150, "all keys")
        self.find("#prefix").send_keys("person2")
        self.wait_for_text("#count", "11 keys")
        self.find("#keys button").click()
        self.wait_for_text("#document-tree", "Panepistimiou")
        self.assertRegex(self.text("#document-facts"), r"^[\d,]+ bytes as JSON, version [\d,]+$")
        self.assertIn("2 fields", self.text("#document-tree"))
        self.wait_for_text("#ring-detail", "person2 lives in partition")
        located = self.gateway.get("/v1/locate/person2").json
        chosen = self.find("#ring .chosen")
        self.assertEqual(chosen.get_attribute("data-partition"), str(located["partition"]))

    def type_line(self, line):
        self.find("#command").send_keys(line)
        self.find("#console button").click()

    def type_commands(self):
        self.type_line("GET person2")
        self.wait_for_text("#answers", "person2 -> ")
        self.assertIn("Panepistimiou", self.text("#answers"))
        self.type_line("COMPUTE 2*x WHERE x = QUERY person2.address.number")
        self.wait_for_text("#answers", "\n24")
        self.type_line('PUT counter 18446744073709551615')
        self.type_line("GET counter")
        self.wait_for_text("#answers", "18446744073709551615")
        self.type_line("GET nobody")
        self.wait_for_text("#answers", "NOT FOUND")
        self.type_line("NONSENSE")
        self.wait_for_text("#answers", "HELP lists")
        self.type_line("DEL person2")
        self.wait_for_text("#answers", "DELETE KEY removes a record")
        self.type_line("MEMBERS")
        self.wait_for_text("#answers", "last heartbeat")
        self.assertEqual(self.script("return getComputedStyle(document.querySelector('#answers .table')).whiteSpaceCollapse"), "preserve")
        self.type_line("KEYS")
        wait_for(lambda: self.all("#answers button"), "a long answer to be cut")
        self.assertNotIn("person99", self.all("#answers .answer")[-1].text)
        self.all("#answers button")[-1].click()
        wait_for(lambda: "person99" in self.all("#answers .answer")[-1].text, "all of it")

    def use_the_keyboard(self):
        command = self.find("#command")
        command.send_keys("que", Keys.TAB)
        wait_for(lambda: command.get_property("value") == "QUERY ", "the command to be completed")
        command.send_keys("person14")
        wait_for(lambda: len(self.all("#completions li")) == 11, "keys to be offered")
        command.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
        self.assertEqual(command.get_property("value"), "QUERY person140")
        command.send_keys(".ag")
        wait_for(lambda: [item.text for item in self.all("#completions li")] == ["person140.age"], "the field to be offered")
        command.send_keys(Keys.TAB)
        wait_for(lambda: command.get_property("value") == "QUERY person140.age", "the field to be completed")
        command.send_keys(Keys.ENTER)
        self.wait_for_text("#answers", "140")
        command.send_keys(Keys.ARROW_UP)
        self.assertEqual(command.get_property("value"), "QUERY person140.age")
        command.clear()
        self.script("document.querySelector('#ring .slice[tabindex=\"0\"]').focus()")
        focused = int(self.script("return document.activeElement.dataset.partition"))
        self.browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT, Keys.ENTER)
        self.wait_for_text("#ring-detail", f"Partition {(focused + 1) % 16}:")

    def cell(self, number, name):
        """In one step: the page replaces its rows at every look at the cluster."""
        selector = f'#members tr[data-address="{self.cluster.address_of(number)}"] td[data-name={name}]'
        return self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def number(self, selector):
        text = self.text(selector).replace(",", "")
        return float(text) if text not in ("", "–") else 0.0

    def edit_a_document(self):
        """A write of somebody else in between is not lost, and neither is what was typed."""
        self.gateway.put("/v1/keys/person2", {"n": 18446744073709551615})
        self.find("#keys button").click()
        self.wait_for_text("#document-tree", "18446744073709551615")
        self.find("#edit").click()
        box = self.find("#document-text")
        self.assertEqual(box.get_property("value"), '{"n": 18446744073709551615}')
        self.gateway.put("/v1/keys/person2", {"n": 2})
        box.clear()
        box.send_keys('{"n": 3, "list": [1, 2]}')
        self.find("#document-form button").click()
        self.wait_for_text("#document-news", "changed")
        self.assertEqual(self.gateway.get("/v1/keys/person2").json, {"n": 2})
        self.assertEqual(box.get_property("value"), '{"n": 3, "list": [1, 2]}')
        self.find("#keys button").click()
        self.wait_for_text("#document-tree", "n: 2")
        self.find("#edit").click()
        box.clear()
        box.send_keys('{"n": 3, "list": [1, 2]}')
        self.find("#document-form button").click()
        self.wait_for_text("#document-news", "Stored.")
        self.assertEqual(self.gateway.get("/v1/keys/person2").json, {"n": 3, "list": [1, 2]})
        self.picture("page-document")
        self.find("#delete").click()
        self.assertEqual(self.gateway.get("/v1/keys/person2").status, 200, "it is asked first")
        self.find("#delete").click()
        self.wait_for_text("#document-news", "Deleted.")
        self.assertEqual(self.gateway.get("/v1/keys/person2").status, 404)

    def reload(self):
        self.script("scrollTo(0, document.body.scrollHeight)")
        self.assertEqual(self.script("return document.querySelector('header').getBoundingClientRect().top"), 0, "the head stays")
        self.browser.refresh()
        line = "return document.querySelector('#rate path.gateway')?.getAttribute('d') ?? ''"
        wait_for(lambda: self.script(line).count("L") >= 2, "what was before the reload", 2)

    def open_it_before_the_cluster(self):
        """What could not be had is asked for again once the cluster is there, and nobody is said to be well before."""
        self.cluster.brokers[0].stop()
        self.browser.refresh()
        wait_for(lambda: self.all("body.stale"), "the page to say that nobody is there", 15)
        self.assertNotIn("all serve", self.text("#ring"))
        self.cluster.start_broker()
        self.wait_for_text("#count", "keys", 30)
        self.assertTrue(self.all("#keys li"))
        wait_for(lambda: len(self.all("#ring .slice")) == 16, "16 partitions")

    def stop_the_broker(self):
        self.assertFalse(self.all("body.stale"))
        self.cluster.brokers[0].stop()
        wait_for(lambda: self.all("body.stale"), "the table and the ring to be grey", 15)
        self.picture("page-no-broker")

    def watch_the_whole_cluster(self):
        """Requests that do not come through this gateway are seen too, and what each worker is doing."""
        client = self.client_of(self.cluster)
        points = 20 if os.environ.get("TRELLIS_SCREENSHOTS") else 2  # A picture is to show more than the beginning.

        def shown():
            for i in range(100):
                self.assertOk(client.call("GET", "person2"))
                self.assertOk(client.call("PUT", f"busy{i}", i))
            self.gateway.get("/v1/keys/person2")
            line = self.script("return document.querySelector('#rate path.cluster')?.getAttribute('d') ?? ''")
            return line.count("L") >= points and self.number("#cluster-now") > self.number("#gateway-now")
        wait_for(shown, "the whole cluster's requests on the plot", 60)
        wait_for(lambda: self.number("#mean-now") > 0, "their latency")
        for number in range(3):
            self.assertRegex(self.cell(number, "memory"), r"^\d+\.\d MiB$")
            self.assertRegex(self.cell(number, "load"), r"^[\d,]+/s$")
            wait_for(lambda: self.cell(number, "lag") == "none", "nobody to be behind")
        self.assertLessEqual(self.script("const box = document.querySelector('.scroll'); return box.scrollWidth - box.clientWidth"), 0,
                             "the table fits")

    def shrink_to_a_phone(self):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True})
        self.colour_scheme("dark")
        wait_for(lambda: self.script("return innerWidth") == 390, "the width of a phone")
        self.assertLessEqual(self.script("return document.documentElement.scrollWidth"), 390)
        self.assertLessEqual(self.script("return document.querySelector('.scroll').scrollWidth"), 390, "nothing is cut off")
        light = self.script("return getComputedStyle(document.body).backgroundColor")
        self.picture("page-phone-dark")
        self.colour_scheme("light")
        self.picture("page-phone-light")
        self.colour_scheme("light")
        self.assertNotEqual(self.script("return getComputedStyle(document.body).backgroundColor"), light)
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def kill_a_worker(self):
        self.cluster.kill_worker(1)
        self.cluster.wait_for_state(1, "down")
        row = f'#members tr[data-address="{self.cluster.address_of(1)}"][data-state=down]'
        wait_for(lambda: self.all(row), "the dead worker to be shown as down", 1.0)
        self.wait_for_text("#health", "1 of 3 workers down, everything guaranteed")
        wait_for(lambda: not self.all("#ring .broken") and self.all("#ring .gone"), "new leaders on the ring")
        for partition in self.gateway.get("/v1/partitions").json:
            self.assertNotEqual(partition["addresses"][partition["leader"]], self.cluster.address_of(1))
        self.gateway.put("/v1/keys/person2", 2)
        wait_for(lambda: re.fullmatch(r"\d+ \(.* m?s\)", self.cell(1, "lag")), "the dead worker's lag")
        self.assertEqual((self.cell(1, "memory"), self.cell(1, "leads")), ("–", "–"))
        self.picture("page-one-worker-down")
        self.cluster.kill_worker(2)
        self.wait_for_text("#health", "2 of 3 workers down")
        wait_for(lambda: len(self.all("#ring .broken")) == 16, "all partitions to be broken")
        self.picture("page-broken")


@unittest.skipUnless(HERE, "needs Debian's chromium, chromium-driver and python3-selenium")
class PageWithTokens(EndToEndTest):
    """The same, where the gateway asks for tokens."""
    bound = 240

    def setUp(self):
        super().setUp()
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        admin = self.folder / "keys" / "admin.user"
        self.cluster = self.start_cluster(workers=1, k=1, partitions=4, user=admin, flags=("--cluster-key", self.folder / "keys" / "cluster.key"))
        self.trellis = lambda *words: run("trellis", "-b", self.cluster.frontend, "-u", admin, *words)
        self.assertRan(self.trellis("user", "add", "door", "--role", "gateway", "-o", self.folder / "door.user"), 0)
        self.gateway = Gateway(self.cluster, "-u", self.folder / "door.user", "--tokens")
        self.addCleanup(self.gateway.stop)
        self.browser = browser()
        self.addCleanup(self.browser.quit)

    def test_it_logs_in_and_keeps_the_token_in_memory_alone(self):
        token = self.assertRan(self.trellis("user", "token", "admin"), 0).out.strip()
        self.assertRan(self.trellis("put", "person1", "1"), 0)
        find = lambda selector: self.browser.find_element(By.CSS_SELECTOR, selector)  # noqa: E731
        self.browser.get(self.gateway.url)
        wait_for(lambda: find("#login").is_displayed(), "to be asked for a token")
        self.assertNotIn("everything up", find("#health").text)
        find("#token").send_keys(token)
        find("#login button").click()
        wait_for(lambda: "everything up" in find("#health").text, "the cluster", 20)
        wait_for(lambda: "1 key" in find("#count").text, "the keys")
        self.assertFalse(find("#login").is_displayed())
        kept = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, document.documentElement.outerHTML])"
        self.assertNotIn(token, self.browser.execute_script(kept))
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"], [])
        self.browser.refresh()
        wait_for(lambda: find("#login").is_displayed(), "to be asked again")
        find("#token").send_keys("trellis_" + "A" * 43)
        find("#login button").click()
        wait_for(lambda: "nobody has this token" in find("#login-news").text, "to be told that it is none")


if __name__ == "__main__":
    main()
