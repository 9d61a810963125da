package oidctest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// # Why Glewlwyd is the real provider of the tests
//
// It is somebody else's program in another language (C), with opinions of its
// own about the protocol (RFC 9207's iss, PKCE required, opaque subjects), and a
// sign-in page of its own; Debian has it, in 20 small packages that apt installs
// in seconds; it is one process that needs a file and 10 MB. Dex would be near
// to a hundred Go modules to compile, LemonLDAP::NG a web server with Perl, and
// oidc-provider a library: the program around it would be ours, and prove less.

// Where Debian puts it.
const (
	glewlwydSchema  = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
	glewlwydPages   = "/usr/share/glewlwyd/webapp"
	glewlwydSetting = "/usr/share/glewlwyd/templates/config.json"
	glewlwydModules = "/usr/lib/glewlwyd"
)

// Password is of everybody at a Glewlwyd, and PlainSecret that of the panel: it
// takes a secret as it stands, where RFC 6749 has characters percent-encoded.
const (
	Password    = "fougère-lanterne-1962"
	PlainSecret = "a-secret-of-the-client"
)

// Glewlwyd is a real provider, in its own process. It calls itself localhost, so
// that it is another site than a panel at 127.0.0.1.
type Glewlwyd struct {
	Issuer string
	t      testing.TB
	origin string
	client *http.Client // of its administrator
}

// startLimit is how long it may take to start on a machine that is busy.
const startLimit = 30 * time.Second

// Start starts a Glewlwyd that knows nobody, for the time of the test.
func Start(t testing.TB) *Glewlwyd {
	t.Helper()
	for _, tool := range []string{"glewlwyd", "sqlite3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("there is no %s; `make test` installs it", tool)
		}
	}
	dir := t.TempDir()
	port := freePort(t)
	g := &Glewlwyd{t: t, origin: fmt.Sprintf("http://localhost:%d", port)}
	g.Issuer = g.origin + "/api/oidc"
	schema, err := os.Open(glewlwydSchema)
	if err != nil {
		t.Fatal(err)
	}
	defer schema.Close()
	load := exec.CommandContext(t.Context(), "sqlite3", filepath.Join(dir, "glewlwyd.db"))
	load.Stdin = schema
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := errors.Join(copyPages(filepath.Join(dir, "pages")), os.WriteFile(filepath.Join(dir, "glewlwyd.conf"), g.config(dir, port), 0o600)); err != nil {
		t.Fatal(err)
	}
	g.launch(dir)
	g.configure()
	return g
}

func freePort(t testing.TB) int {
	t.Helper()
	for range 50 {
		port := 20000 + mathrand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// copyPages copies its pages: Debian's have a setting of theirs misplaced, and
// files elsewhere, which it does not serve.
func copyPages(to string) error {
	return filepath.WalkDir(glewlwydPages, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, glewlwydPages))
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		if d.Name() == "config.json" {
			path = glewlwydSetting
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // of a package that is only recommended
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
}

func (g *Glewlwyd) config(dir string, port int) []byte {
	var types strings.Builder
	for extension, kind := range map[string]string{".html": "text/html", ".css": "text/css", ".js": "application/javascript", ".json": "application/json", ".ico": "image/x-icon", ".woff2": "font/woff2"} {
		fmt.Fprintf(&types, "{ extension = %q; mime_type = %q },", extension, kind)
	}
	return fmt.Appendf(nil, `port=%d
bind_address="127.0.0.1"
external_url=%q
login_url="login.html"
api_prefix="api"
static_files_path=%q
static_files_mime_types = ( %s )
log_mode="file"
log_level="INFO"
log_file=%q
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
session_expiration=3600
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path=%q
client_module_path=%q
user_auth_scheme_module_path=%q
plugin_module_path=%q
hash_algorithm="SHA512"
database = { type = "sqlite3"; path = %q; };
`, port, g.origin, filepath.Join(dir, "pages"), strings.TrimSuffix(types.String(), ","), filepath.Join(dir, "glewlwyd.log"),
		glewlwydModules+"/user", glewlwydModules+"/client", glewlwydModules+"/scheme", glewlwydModules+"/plugin", filepath.Join(dir, "glewlwyd.db"))
}

func (g *Glewlwyd) launch(dir string) {
	g.t.Helper()
	cmd := exec.Command("glewlwyd", "--config-file="+filepath.Join(dir, "glewlwyd.conf"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of reach of a terminal's ^C
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	g.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if log, err := os.ReadFile(filepath.Join(dir, "glewlwyd.log")); err == nil && g.t.Failed() {
			g.t.Logf("Glewlwyd said:\n%s", log)
		}
	})
	for deadline := time.Now().Add(startLimit); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.origin, "http://"))
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			g.t.Fatalf("Glewlwyd ended\n%s", &said)
		default:
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("Glewlwyd does not start: %v\n%s", err, &said)
		}
	}
}

// configure makes it a provider of OpenID Connect with a key of its own.
func (g *Glewlwyd) configure() {
	g.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.client = &http.Client{Jar: jar, Timeout: startLimit}
	g.call(http.MethodPost, "/api/auth/", Claims{"username": "admin", "password": "password"})
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		g.t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		g.t.Fatal(err)
	}
	g.call(http.MethodPost, "/api/mod/plugin/", Claims{"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "parameters": Claims{
		"iss": g.Issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": string(key), "cert": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"access-token-duration": 300, "refresh-token-duration": 300, "code-duration": 60, "refresh-token-rolling": false, "session-cookie-name": "OIDC_SID", "session-cookie-expiration": 3600,
		"allow-non-oidc": false, "auth-type-code-enabled": true, "auth-type-token-enabled": false, "auth-type-id-token-enabled": true, "auth-type-none-enabled": false,
		"auth-type-password-enabled": false, "auth-type-client-enabled": false, "auth-type-refresh-enabled": false, "jwks-show": true, "pkce-allowed": true, "pkce-required": true,
		"pkce-method-plain-allowed": false, "session-management-allowed": true, "oauth-as-iss-id": true, "subject-type": "public", "allowed-scope": []string{"openid"},
		"claims": []Claims{{"name": "preferred_username", "user-property": "username", "type": "string", "mandatory": true}},
	}})
}

// Register lets a client in that leads people back to redirect.
func (g *Glewlwyd) Register(redirect string) {
	g.t.Helper()
	g.call(http.MethodPost, "/api/client/", Claims{
		"client_id": ClientID, "name": "Mandat", "confidential": true, "client_secret": PlainSecret, "redirect_uri": []string{redirect}, "authorization_type": []string{"code"}, "token_endpoint_auth_method": []string{"client_secret_basic"}, "enabled": true, "scope": []string{},
	})
}

// Add adds somebody who signs in with Password, and has let the client know who they are.
func (g *Glewlwyd) Add(username, name string) {
	g.t.Helper()
	g.call(http.MethodPost, "/api/user/", Claims{"username": username, "name": name, "password": Password, "scope": []string{"openid"}, "enabled": true})
	own := g.person(username)
	own.call(http.MethodPut, "/api/auth/grant/"+ClientID, Claims{"scope": "openid"})
}

// person is somebody who has signed in there, in a browser of theirs.
func (g *Glewlwyd) person(username string) *Glewlwyd {
	g.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	own := *g
	own.client = &http.Client{Jar: jar, Timeout: startLimit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	own.call(http.MethodPost, "/api/auth/", Claims{"username": username, "password": Password})
	return &own
}

// Visit is a browser that goes where the panel leads and signs in there as
// somebody: it gives the address to which it is led back.
func (g *Glewlwyd) Visit(username, departure string) *url.URL {
	g.t.Helper()
	own := g.person(username)
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, departure+"&g_continue", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	response, err := own.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	back, err := response.Location()
	if err != nil {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 2000)) // only to be shown
		g.t.Fatalf("Glewlwyd answers %s and leads nowhere: %s", response.Status, said)
	}
	return back
}

// call asks its own interface.
func (g *Glewlwyd) call(method, path string, body Claims) {
	g.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(g.t.Context(), startLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, g.origin+path, bytes.NewReader(b))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 2000)) // only to be shown
	if response.StatusCode != http.StatusOK {
		g.t.Fatalf("%s %s: %s %s", method, path, response.Status, said)
	}
}
