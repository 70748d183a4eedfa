package browsertest

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	screenshots = flag.String("screenshots", "", "the folder to which screenshots of all variants of the page are written")
	picture     = flag.String("picture", "", "the file to which the picture of the README is written")
)

// patience bounds each wait. It is long, because the machine can be busy.
const patience = 30 * time.Second

var browser context.Context // of the one browser process

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withBrowser(m))
}

func withBrowser(m *testing.M) int {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		fmt.Fprintln(os.Stderr, "browsertest: there is no chromium: on Debian, apt-get install chromium")
		return 1
	}
	profile, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(profile)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(2*time.Minute))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "browsertest: start the browser:", err)
		return 1
	}
	browser = ctx
	return m.Run()
}

// tab is a tab of the browser. What its pages report as wrong fails the test.
type tab struct {
	*testing.T
	ctx      context.Context
	offline  bool // requests may fail
	mu       sync.Mutex
	problems []string
}

// newTab opens a tab with a viewport of that width, which is closed after the test.
func newTab(t *testing.T, width int64, dark bool) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	b := &tab{T: t, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Error("the browser reports:", p)
		}
	})
	b.must(chromedp.Listen(ctx, b.hear))
	_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.must(err)
	b.resize(width, 900)
	b.dark(dark)
	return b
}

func (b *tab) hear(event any) {
	problem := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = fmt.Sprint("exception: ", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		problem = "console: " + string(e.Type)
	case *log.EventEntryAdded:
		if u, err := url.Parse(e.Entry.URL); err == nil {
			if _, isOver := over.Load(u.Host); isOver {
				return
			}
		}
		problem = fmt.Sprintf("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if problem != "" && !(b.offline && strings.HasPrefix(problem, "log: network")) {
		b.problems = append(b.problems, problem)
	}
}

func (b *tab) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.must(chromedp.Do(ctx, actions...))
}

func (b *tab) resize(width, height int64) {
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
	b.must(err)
}

// dark sets the colours that the user prefers.
func (b *tab) dark(on bool) {
	scheme := "light"
	if on {
		scheme = "dark"
	}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	b.must(err)
}

// open loads the page.
func (b *tab) open(address string) {
	b.Helper()
	b.do(chromedp.Navigate(address))
}

// openLive loads the page and waits until it is live.
func (b *tab) openLive(address string) {
	b.Helper()
	b.open(address)
	b.wait(`document.querySelector("#live")?.dataset.state === "live"`)
}

// eval returns the value of a JavaScript expression.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait waits until the expression is true. Unlike chromedp.Poll it survives a navigation.
func (b *tab) wait(expression string) {
	b.Helper()
	end := time.Now().Add(patience)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok {
			return
		}
		if time.Now().After(end) {
			b.Fatalf("never true: %s (%v)\n%s", expression, err, eval[string](b, `document.body.innerText.slice(0, 1000)`))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// press sends keys to the element that has the focus.
func (b *tab) press(keys string) {
	b.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// samples waits until the page has shown that many samples more.
func (b *tab) samples(n int) {
	b.Helper()
	eval[any](b, `window.shown = 0, new MutationObserver(() => window.shown++).observe(document.querySelector("#at"), { childList: true })`)
	b.wait(fmt.Sprintf(`window.shown >= %d`, n))
}

// until waits until the condition is true.
func (b *tab) until(what string, condition func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("never: %s", what)
		}
	}
}
