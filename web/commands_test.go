package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

// A command and what it says. Its words are parted by spaces, but for what is in ' '.
type call struct {
	args     string
	in       string
	status   int
	out, err string // parts of what it prints
}

func words(args string) (list []string) {
	for i, part := range strings.Split(args, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

func (c call) check(t *testing.T, getenv func(string) string) (out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), words(c.args), getenv, strings.NewReader(c.in), &stdout, &stderr)
	if status != c.status || !strings.Contains(stdout.String(), c.out) || !strings.Contains(stderr.String(), c.err) || c.err == "" && stderr.Len() > 0 {
		t.Errorf("mandat %s: %d\n%s\n%s\nwant %d\n%s\n%s", c.args, status, &stdout, &stderr, c.status, c.out, c.err)
	}
	return stdout.String()
}

func TestOperatorsCommands(t *testing.T) {
	dir := t.TempDir()
	getenv := env("MANDAT_DATA_DIR", dir, "MANDAT_ORIGIN", "https://panel.example.org", "MANDAT_LOG_LEVEL", "error")
	file := filepath.Join(dir, "directory.csv")
	for _, c := range []call{
		{args: "", out: "MANDAT_DATABASE_URL"},
		{args: "--help", out: "directory load"},
		{args: "--version", out: "mandat "},
		{args: "sing", status: 2, err: "unexpected argument sing"},
		{args: "customer add ab1-mdt", status: 2, err: "missing flags: --email"},
		{args: "migrate", out: "up to date"},
		{args: "migrate", out: "up to date"},

		{args: "customer add AB1-MDT --name 'Anna Berg' --email anna@berg.example --language en", out: "Added customer ab1-mdt, Anna Berg.\nThey cannot sign in yet"},
		{args: "customer add ab1-mdt --name Again --email a@b.example", status: 1, err: "ab1-mdt"},
		{args: "customer add nobody --name N --email n@n.example", status: 1, err: "nobody"},
		{args: "customer add cd1-mdt --name N --email n@n.example --time-zone Nowhere", status: 1, err: "mandat: "},
		{args: "customer add cd1-mdt --name N --email n@n.example --language de", status: 2, err: "must be one of"},
		{args: "customer add cd1-mdt --name N --email n@n.example --password-stdin", in: "short\n", status: 1, err: "at least 15 characters"},
		{args: "customer add cd1-mdt --name N --email n@n.example --password-stdin", in: "\n", status: 1, err: "no password"},
		{args: "customer add cd1-mdt --name N --email n@n.example --password-stdin", in: cast.Password + "\n", out: "Added customer cd1-mdt, N.\n"},
		{args: "customer link ab1-mdt", out: "https://panel.example.org/password-links/", err: "works once"},
		{args: "customer link zz1-mdt", status: 1, err: "there is no customer zz1-mdt"},
		{args: "customer reset-factors ab1-mdt", out: "Customer ab1-mdt has no second factor any more"},
		{args: "customer reset-factors zz1-mdt", status: 1, err: "there is no customer zz1-mdt"},
		{args: "agent reset-factors ab1-mdt", status: 1, err: "there is no agent ab1-mdt"},
		{args: "customer sign-out AB1-mdt", out: "Ended sessions of ab1-mdt: 0."},
		{args: "customer sign-out --all", out: "Ended sessions: 0, of customers: 0."},
		{args: "customer sign-out", status: 2, err: "mandat: "},
		{args: "customer sign-out ab1-mdt --all", status: 2, err: "mandat: "},
		{args: "customer sign-out sam-support", status: 1, err: "there is no customer sam-support"},
		{args: "agent sign-out ab1-mdt", status: 1, err: "there is no agent ab1-mdt"},
		{args: "agent sign-out --all", out: "Ended sessions: 0, of agents: 0."},
		{args: "customer disable AB1-mdt", out: "Customer ab1-mdt is signed out everywhere and cannot sign in"},
		{args: "customer disable ab1-mdt", out: "Customer ab1-mdt is disabled already.\n"},
		{args: "customer link ab1-mdt", status: 1, err: "ab1-mdt is disabled"},
		{args: "customer reset-factors ab1-mdt", out: "Customer ab1-mdt has no second factor any more"},
		{args: "customer enable ab1-mdt", out: "Customer ab1-mdt can sign in again"},
		{args: "customer enable ab1-mdt", out: "Customer ab1-mdt is not disabled.\n"},
		{args: "customer disable zz1-mdt", status: 1, err: "there is no customer zz1-mdt"},
		{args: "customer enable zz1-mdt", status: 1, err: "there is no customer zz1-mdt"},
		{args: "identity link ab1-mdt f81d4fae --issuer https://sso.example.org", out: "ab1-mdt is linked with the account f81d4fae of https://sso.example.org."},
		{args: "identity link cd1-mdt f81d4fae --issuer https://sso.example.org", status: 1, err: "somebody else"},
		{args: "identity link cd1-mdt f81d4fae", status: 1, err: "MANDAT_OIDC_ISSUER"},
		{args: "identity link zz1-mdt x --issuer https://sso.example.org", status: 1, err: "there is no customer or agent zz1-mdt"},
		{args: "identity unlink ab1-mdt --issuer https://sso.example.org", out: "ab1-mdt is no longer linked"},
		{args: "identity unlink ab1-mdt --issuer https://sso.example.org", status: 1, err: "there is no link of ab1-mdt"},
		{args: "customer email ab1-mdt anna@hügel.example", out: "Customer ab1-mdt is reached at anna@hügel.example.\n"},
		{args: "customer email ab1-mdt anna", status: 1, err: "anna"},
		{args: "customer email zz1-mdt a@b.example", status: 1, err: "there is no customer zz1-mdt"},

		{args: "service add Été.example --owner ab1-mdt --max-accounts 10 --max-gb 50.5", out: "Added service été.example of ab1-mdt."},
		{args: "service add été.example --owner ab1-mdt", status: 1, err: "été.example"},
		{args: "service add co.uk --owner ab1-mdt", status: 1, err: "co.uk"},
		{args: "service add b.example --owner zz1-mdt", status: 1, err: "zz1-mdt"},
		{args: "service add b.example --owner ab1-mdt --max-gb much", status: 2, err: "GB"},
		{args: "service set été.example --max-accounts 20"},
		{args: "service set été.example --max-redirections 10 --max-responders 5 --max-lists 0 --max-subscribers 100"},
		{args: "service set été.example --max-lists=-1", status: 1, err: "The service has 0 mailing lists already. Allow at least as many."},
		{args: "service set été.example --max-redirections many", status: 2, err: "max-redirections"},
		{args: "service set nowhere.example --max-accounts 20", status: 1, err: "there is no service nowhere.example"},
		{args: "service suspend xn--t-9fab.example"},
		{args: "service resume été.example"},
		{args: "service resume nowhere.example", status: 1, err: "there is no service nowhere.example"},

		{args: "agent add sam-support --name Sam --email sam@panel.example --customer cd1-mdt --password-stdin", in: cast.Password, out: "Added agent sam-support, Sam."},
		{args: "agent add sam-support --name Sam --email sam@panel.example", status: 1, err: "sam-support"},
		{args: "agent add tom-support --name Tom --email tom@panel.example", out: "They cannot sign in yet: `mandat agent link tom-support`"},
		{args: "agent link tom-support", out: "https://panel.example.org/password-links/", err: "works once"},
		{args: "agent link ab1-mdt", status: 1, err: "ab1-mdt"},
		{args: "agent link tim-support", status: 1, err: "there is no agent tim-support"},
		{args: "agent set tom-support --role lead", out: "Agent tom-support is a lead."},
		{args: "agent set tom-support --role chief", status: 2, err: "--role"},
		{args: "agent set tom-support", status: 2, err: "--customer"},
		{args: "agent set tom-support --customer cd1-mdt", out: "cd1-mdt is agent tom-support's own"},
		{args: "agent set tom-support --customer zz1-mdt", status: 1, err: "zz1-mdt"},
		{args: "agent set tom-support --no-customer", out: "Agent tom-support has no account as a customer."},
		{args: "agent set tim-support --role lead", status: 1, err: "there is no agent tim-support"},
		{args: "assistance stop --all", out: "Ended: 0."},
		{args: "assistance stop --customer cd1-mdt", out: "Ended: 0."},
		{args: "assistance stop --customer zz1-mdt", status: 1, err: "there is no customer zz1-mdt"},
		{args: "assistance stop", status: 2, err: "--all"},
		{args: "agent remove tom-support", out: "Agent tom-support is signed out, acts for nobody"},
		{args: "agent remove tom-support", status: 1, err: "there is no agent tom-support"},
		{args: "agent add ef1-mdt --name Sam --email sam@panel.example", status: 1, err: "ef1-mdt"},

		{args: "directory load " + file, status: 1, err: "no such file"},
		{args: "directory load -", in: "customer,gh1-mdt,G,g@h.example,fr\nservice,gh.example,gh1-mdt,1,1\naccount,a@gh.example,A,1,plain-text-secret\n", status: 1, err: "standard input:3: This is no password hash"},
		{args: "directory load -", in: "customer,gh1-mdt,G,g@h.example,fr\nservice,gh.example,gh1-mdt,1,5\naccount,a@gh.example,A,1,\n", out: "Loaded 1 customers, 1 services and 1 accounts; 0 lines were so already."},
		{args: "directory load -", in: "account,a@gh.example,A,1,\naccount,b@gh.example,,6,\n", status: 1, err: "standard input:2: b@gh.example is larger than its service allows for one account, "},
		{args: "demo", status: 1, err: "not empty"},
	} {
		c.check(t, getenv)
	}
	if err := os.WriteFile(file, []byte("account,a@gh.example,A,1,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	call{args: "directory load " + file, out: "Loaded 0 customers, 0 services and 0 accounts; 1 lines were so already."}.check(t, getenv)
}

func TestTheHistoryIsVerifiedExportedAndSigned(t *testing.T) {
	dir := t.TempDir()
	getenv := env("MANDAT_DATA_DIR", dir, "MANDAT_ORIGIN", "https://panel.example.org", "MANDAT_LOG_LEVEL", "error")
	file, checkpoints := filepath.Join(dir, "export"), filepath.Join(dir, "checkpoints")
	call{args: "demo", out: "the demo world"}.check(t, getenv)
	call{args: "history verify", out: "74 entries in 4 chains are as they were written.\nNo checkpoint was given"}.check(t, getenv)
	call{args: "history verify --checkpoints " + dir, status: 1, err: "--key: say what verifies"}.check(t, getenv)
	call{args: "history checkpoint " + checkpoints, err: "Made a key for checkpoints, " + filepath.Join(dir, "history.key") + ". Write down elsewhere what verifies it:\n  panel.example.org+"}.check(t, getenv)
	call{args: "history checkpoint " + checkpoints}.check(t, getenv)
	key, err := os.ReadFile(filepath.Join(dir, "history.key"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "history.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode: %v, %v", info.Mode(), err)
	}
	private, public, _ := strings.Cut(strings.TrimSpace(string(key)), "\n")
	signed := call{args: "history checkpoint", out: "mandat history\n4\n"}.check(t, getenv)
	if strings.Contains(signed, private[len(private)-20:]) {
		t.Error("a checkpoint has the key in it")
	}
	for _, known := range []string{"", " --key " + public, " --key " + filepath.Join(dir, "history.key")} {
		call{args: "history verify --checkpoints " + checkpoints + known, out: "as they were written, and as 2 checkpoints have them.\n"}.check(t, getenv)
	}
	call{args: "history verify --checkpoints " + checkpoints + " --key nobody+1f8e9e4c+AaqZFGXcnQtSJZjbN3l4RWSEvKsWCpUDApc5pVHiBHhm", status: 1, err: "no public key"}.check(t, getenv)

	export := call{args: "history export"}.check(t, getenv)
	if strings.Contains(export, cast.Password) || strings.Contains(export, "argon2") {
		t.Error("the export tells a secret")
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(export)
	call{args: "history verify " + file, out: "74 entries in 4 chains are"}.check(t, getenv)
	call{args: "history verify - --checkpoints " + checkpoints, in: export, out: "and as 2 checkpoints"}.check(t, getenv)
	one := call{args: "history export --service Garrigue.Example"}.check(t, getenv)
	call{args: "history verify - --checkpoints " + checkpoints, in: one, out: "56 entries in 1 chains are"}.check(t, getenv)
	call{args: "history export --service nowhere.example", status: 1, err: "there is no service nowhere.example"}.check(t, getenv)
	call{args: "history export --service co.uk", status: 1, err: "co.uk"}.check(t, getenv)

	write(strings.Replace(export, `"actor":1`, `"actor":2`, 1))
	call{args: "history verify " + file, status: 1, out: "BROKEN the chain of the system, entry 8: it was altered", err: "not as it was written"}.check(t, getenv)
	lines := strings.SplitAfter(export, "\n")
	write(strings.Join(lines[:len(lines)-2], ""))
	call{args: "history verify " + file, out: "73 entries"}.check(t, getenv)
	call{args: "history verify " + file + " --checkpoints " + checkpoints, status: 1, out: "BROKEN the chain of service 3, entry 4: it is missing", err: "not as it was written"}.check(t, getenv)
	write(export[:len(export)-5])
	call{args: "history verify " + file, status: 1, err: "the export is not whole"}.check(t, getenv)
	call{args: "history verify " + filepath.Join(dir, "nothing"), status: 1, err: "no such file"}.check(t, getenv)

	// A checkpoint that somebody changed.
	text, err := os.ReadFile(checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, err string }{{"\n1 56 ", "\n1 55 ", "is not the one that was signed"}, {"mandat history\n4\n", "mandat history\n3\n", "without its signature"}} {
		if err := os.WriteFile(checkpoints, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		call{args: "history verify --checkpoints " + checkpoints, status: 1, err: c.err}.check(t, getenv)
	}
}

func TestNoCommandTellsAPassword(t *testing.T) {
	const secret = "s3cret-of-the-database"
	getenv := env("MANDAT_DATABASE_URL", "postgres://mandat:"+secret+"@127.0.0.1:1/mandat?connect_timeout=1")
	var out, errors bytes.Buffer
	if status := run(t.Context(), []string{"migrate"}, getenv, nil, &out, &errors); status != 1 || strings.Contains(out.String()+errors.String(), secret) {
		t.Errorf("%d\n%s\n%s", status, &out, &errors)
	}
	getenv = env("MANDAT_DATA_DIR", t.TempDir())
	for _, line := range []string{"account,a@b.example,,1," + secret, "account,a@b.example,,1,{PLAIN}" + secret, "account,a@b.example,,1,{" + secret + "}x", secret, "x" + secret + ",,,,"} {
		errors.Reset()
		if status := run(t.Context(), words("directory load -"), getenv, strings.NewReader(line), &out, &errors); status != 1 || strings.Contains(errors.String(), secret) {
			t.Errorf("%q: %d\n%s", line, status, &errors)
		}
	}
}

func TestTheDemoWorldIsLoadedOnce(t *testing.T) {
	getenv := env("MANDAT_DATA_DIR", t.TempDir(), "MANDAT_LOG_LEVEL", "error")
	call{args: "demo", out: cast.Password}.check(t, getenv)
	call{args: "demo", out: cast.Password}.check(t, getenv)
	call{args: "service add more.example --owner " + cast.Emma, out: "Added"}.check(t, getenv)
}

func TestRoutesAreListed(t *testing.T) {
	var routes []route
	if err := json.Unmarshal([]byte(call{args: "routes --json"}.check(t, env())), &routes); err != nil {
		t.Fatal(err)
	}
	text := call{args: "routes"}.check(t, env())
	if n := strings.Count(text, "\n"); n != len(routes) || n == 0 {
		t.Errorf("%d lines of text, %d routes in JSON", n, len(routes))
	}
	for _, r := range routes {
		if !strings.Contains(text, r.Path) || r.Class == "object" && r.Operation == "" || r.Changes != (r.Method == "POST" && !strings.HasSuffix(r.Path, "/trial") && !strings.HasSuffix(r.Path, "/challenge")) || strings.Contains(r.Path, ":") && r.Object == "" && !strings.Contains(r.Path, ":token") {
			t.Errorf("%+v", r)
		}
	}
}

func TestSettingsThatAreWrongStopEveryCommand(t *testing.T) {
	call{args: "routes", status: 2, err: "MANDAT_LISTEN: want an address"}.check(t, env("MANDAT_LISTEN", "x"))
}
