package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// asProgram tells the test's binary to be mandat: whole programs need no build of their own.
const asProgram = "MANDAT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	modelstest.Run(m)
}

// process is mandat as a process of its own, with these settings and none of ours.
func process(t *testing.T, args string, settings ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], words(args)...)
	cmd.Env = append(settings, asProgram+"=1", "MANDAT_LOG_FORMAT=json")
	cmd.WaitDelay = time.Second
	return cmd
}

// panel is a process that stays.
type panel struct {
	cmd     *exec.Cmd
	origin  string
	metrics string
	out     bytes.Buffer

	ended chan struct{}
	err   error

	mu  sync.Mutex
	log []string
}

const startLimit = time.Minute // a busy machine with the race detector

// start starts a panel or worker and returns when it is up.
func start(t *testing.T, args string, settings ...string) *panel {
	t.Helper()
	p := &panel{cmd: process(t, args, append([]string{"MANDAT_LISTEN=127.0.0.1:0", "MANDAT_REQUESTS=0"}, settings...)...), ended: make(chan struct{})}
	p.cmd.Stdout = &p.out
	r, w := io.Pipe()
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	up := make(chan struct{})
	go p.read(r, up)
	go func() {
		p.err = p.cmd.Wait()
		_ = w.Close()
		close(p.ended)
	}()
	select {
	case <-up:
	case <-p.ended:
		t.Fatalf("mandat %s ended: %v\n%s", args, p.err, p.logged())
	case <-time.After(startLimit):
		t.Fatalf("mandat %s is not up\n%s", args, p.logged())
	}
	return p
}

// read keeps the log, takes the addresses from it, and closes up when the program is.
func (p *panel) read(r io.Reader, up chan struct{}) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var line struct{ Msg, Address, Origin string }
		_ = json.Unmarshal(lines.Bytes(), &line) // what is not JSON is kept all the same
		p.mu.Lock()
		p.log = append(p.log, lines.Text())
		p.mu.Unlock()
		switch line.Msg {
		case "listening for Prometheus":
			p.metrics = line.Address
		case "listening", "working":
			p.origin = line.Origin
			close(up)
		}
	}
}

func (p *panel) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// tells waits until the log has want: an answer may be here before the line that
// tells of it has come through the pipe.
func (p *panel) tells(t *testing.T, want string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(p.logged())
		}
	}()
	modelstest.Await(t, startLimit, "the log tells "+want, func() bool { return strings.Contains(p.logged(), want) })
}

// stop ends it as an operator's service manager would, and says how long that took.
func (p *panel) stop(t *testing.T) time.Duration {
	t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(startLimit):
		t.Fatal("it does not stop")
	}
	if p.err != nil {
		t.Errorf("stopped with %v\n%s", p.err, p.logged())
	}
	return time.Since(begun)
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// refused runs a command that must fail and returns what it says.
func refused(t *testing.T, args string, settings ...string) string {
	t.Helper()
	out, err := process(t, args, settings...).CombinedOutput()
	if code := fmt.Sprint(err); code != "exit status 1" {
		t.Errorf("mandat %s: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestThePanelOnTheEmbeddedDatabase(t *testing.T) {
	t.Parallel()
	data := "MANDAT_DATA_DIR=" + t.TempDir()
	p := start(t, "serve --demo", data, "MANDAT_METRICS_LISTEN=127.0.0.1:0")
	if status, body := get(t, p.origin+"/sign-in"); status != http.StatusOK || !strings.Contains(body, `name="password"`) {
		t.Errorf("the sign-in page: %d\n%s", status, body)
	}
	if status, body := get(t, p.origin+"/readyz"); status != http.StatusOK {
		t.Errorf("ready: %d %s", status, body)
	}
	if _, body := get(t, "http://"+p.metrics+"/metrics"); !strings.Contains(body, `mandat_request_duration_seconds_count{method="GET",route="/sign-in",status="200"} 1`) {
		t.Errorf("metrics:\n%s", body)
	}
	for _, args := range []string{"serve", "customer link " + cast.Alice, "migrate", "directory load -"} {
		if said := refused(t, args, data, "MANDAT_LISTEN=127.0.0.1:0"); !strings.Contains(said, "stop the panel first") {
			t.Errorf("mandat %s while the panel runs: %s", args, said)
		}
	}
	if took := p.stop(t); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	for _, want := range []string{p.origin, cast.Password, cast.Alice, "Alice Durand"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the introduction lacks %s:\n%s", want, &p.out)
		}
	}
	if strings.Contains(p.logged(), cast.Password) {
		t.Error("the log has a password")
	}

	if out, err := process(t, "customer add xy1-mdt --name X --email x@y.example", data).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	again := start(t, "serve --demo", data)
	again.stop(t)
	if said := refused(t, "customer add xy1-mdt --name X --email x@y.example", data); !strings.Contains(said, "xy1-mdt") {
		t.Errorf("a second start lost a customer: %s", said)
	}
}

func TestTheDemoWorldIsNotMixedWithAnother(t *testing.T) {
	t.Parallel()
	data := "MANDAT_DATA_DIR=" + t.TempDir()
	if out, err := process(t, "customer add xy1-mdt --name X --email x@y.example", data).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if said := refused(t, "serve --demo", data, "MANDAT_LISTEN=127.0.0.1:0"); !strings.Contains(said, "not empty") {
		t.Error(said)
	}
	start(t, "serve", data).stop(t)
}

func TestThePanelOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := modelstest.Postgres(t)
	name := "mandat_serve_" + strings.ToLower(rand.Text()[:8])
	if err := server.Create(t.Context(), name, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Drop(t.Context(), name); err != nil {
			t.Log(err)
		}
	})
	url := "MANDAT_DATABASE_URL=" + server.URL(name)
	for _, args := range []string{"serve", "work", "customer add xy1-mdt --name X --email x@y.example"} {
		if said := refused(t, args, url, "MANDAT_LISTEN=127.0.0.1:0"); !strings.Contains(said, "`mandat migrate`") {
			t.Errorf("mandat %s before any migration: %s", args, said)
		}
	}
	one := start(t, "serve --no-work", url, "MANDAT_MIGRATE=1")
	two := start(t, "serve", url)
	work := start(t, "work", url)
	for _, p := range []*panel{one, two} {
		if status, _ := get(t, p.origin+"/sign-in"); status != http.StatusOK {
			t.Errorf("the sign-in page: %d", status)
		}
	}
	if out, err := process(t, "customer add xy1-mdt --name X --email x@y.example", url).CombinedOutput(); err != nil {
		t.Errorf("a command beside panels: %v\n%s", err, out)
	}
	for _, p := range []*panel{one, two, work} {
		if took := p.stop(t); took > 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
	}
	if said := refused(t, "demo", url); !strings.Contains(said, "not empty") {
		t.Error(said)
	}
}

func TestWorkIsForPostgreSQL(t *testing.T) {
	t.Parallel()
	data := "MANDAT_DATA_DIR=" + t.TempDir()
	for _, args := range []string{"work", "serve --no-work"} {
		if said := refused(t, args, data); !strings.Contains(said, "embedded database serves one process") {
			t.Errorf("mandat %s: %s", args, said)
		}
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	t.Parallel()
	p := start(t, "serve", "MANDAT_DATA_DIR="+t.TempDir())
	taken := strings.TrimPrefix(p.origin, "http://")
	if said := refused(t, "serve", "MANDAT_DATA_DIR="+t.TempDir(), "MANDAT_LISTEN="+taken); !strings.Contains(said, "MANDAT_LISTEN: ") || !strings.Contains(said, "in use") {
		t.Error(said)
	}
	p.stop(t)
}
