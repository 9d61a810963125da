package imap_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/mail/imap/imaptest"
)

const dovecotConf = `
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
instance_name = mandat-import-test
first_valid_uid = 1
auth_master_user_separator = *
mail_location = maildir:~/Maildir
mail_plugins = quota
mail_fsync = never
passdb {
  driver = passwd-file
  args = %[1]s/masters
  master = yes
}
passdb {
  driver = passwd-file
  args = %[1]s/masters
}
userdb {
  driver = static
  args = uid=%[2]s gid=%[3]s home=%[1]s/mail/%%u quota_rule=*:storage=%[5]s
}
namespace inbox {
  inbox = yes
  separator = /
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[4]d
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`

// dovecot runs one of its own, whose mailboxes hold so much each.
func dovecot(t *testing.T, storage string) *connect.Own {
	t.Helper()
	for _, missing := range []error{
		map[bool]error{true: errors.New("Dovecot needs root to start")}[os.Geteuid() != 0],
		func() error { _, err := os.Stat("/usr/lib/dovecot/imap"); return err }(),
		func() error { _, err := exec.LookPath("dovecot"); return err }(),
		func() error { _, err := user.Lookup("vmail"); return err }(),
	} {
		if missing != nil {
			t.Skip("no Dovecot: ", missing)
		}
	}
	dir, err := os.MkdirTemp("/tmp", "mandat-imap-") // a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	vmail, err := user.Lookup("vmail")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(vmail.Uid)
	gid, _ := strconv.Atoi(vmail.Gid)
	for _, d := range []string{"run", "state", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	conf := filepath.Join(dir, "dovecot.conf")
	err = errors.Join(
		os.Chmod(dir, 0o755), os.Chown(filepath.Join(dir, "mail"), uid, gid),
		os.WriteFile(filepath.Join(dir, "masters"), []byte(imaptest.Master+":{PLAIN}"+imaptest.MasterPassword+"\n"), 0o644),
		os.WriteFile(conf, fmt.Appendf(nil, dovecotConf, dir, vmail.Uid, vmail.Gid, port, storage), 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dovecot", "-F", "-c", conf)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	own, err := connect.ParseOwn(fmt.Sprintf("imap://%s:%s@127.0.0.1:%d", imaptest.Master, imaptest.MasterPassword, port))
	if err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		d, err := own.Open(t.Context(), "new@mandat.test")
		if err == nil {
			d.Close()
			return own
		}
		if time.Now().After(late) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("Dovecot does not answer: %v\n%s", err, log)
		}
	}
}

// runInto is run with a destination that is given.
func runInto(t *testing.T, from *imaptest.Server, own *connect.Own, books map[string]*book) error {
	t.Helper()
	source, err := imaptest.Policy(from).Open(t.Context(), from.At(), "old", "secret")
	if err != nil {
		return err
	}
	defer source.Close()
	destination, err := own.Open(t.Context(), "new@mandat.test")
	if err != nil {
		return err
	}
	defer destination.Close()
	return copyAll(t.Context(), source, destination, books)
}

func TestDovecotHasWhatWasCopiedThroughCuts(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 400
	}
	own, from := dovecot(t, "1G"), imaptest.Start(t)
	put(t, from.Add("old", "secret", "Sent", "Clients/Été & Cie", "Clients"), n, "INBOX", "Sent", "Clients/Été & Cie", "Clients")
	random, chance := rand.New(rand.NewPCG(3, 3)), rand.New(rand.NewPCG(4, 4)) // the server's own
	from.CutAfter(func() int64 {
		if from.Broken() >= 20 {
			return 0
		}
		return 22_000 + int64(n)*20 + chance.Int64N(int64(n)*15)
	})
	books := map[string]*book{}
	for runs := 0; runInto(t, from, own, books) != nil; runs++ {
		if runs > 60 {
			t.Fatal("it does not come to an end")
		}
		for _, b := range books { // and once in a while a step is not noted
			steps := random.IntN(4)
			b.settle = func() error {
				if steps--; steps == 0 && runs%3 == 0 {
					return errEnd
				}
				return nil
			}
		}
	}
	from.CutAfter(nil)
	d, err := own.Open(t.Context(), "new@mandat.test")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if diff := cmp.Diff(from.Contents(t, "old"), imaptest.ContentsOf(t, d)); diff != "" {
		t.Errorf("%.3000s", diff)
	}
	if from.Broken() < 20 && !testing.Short() {
		t.Errorf("cut %d times", from.Broken())
	}
}

func TestDovecotSaysThatAMailboxIsFull(t *testing.T) {
	own, from := dovecot(t, "100K"), imaptest.Start(t)
	old := from.Add("old", "secret")
	for i := range 30 {
		old.Put(t, "INBOX", fmt.Sprintf("Message-ID: <%d@x>\r\n\r\n%s\r\n", i, strings.Repeat(strings.Repeat("y", 78)+"\r\n", 100)), month)
	}
	if err := runInto(t, from, own, map[string]*book{}); !errors.Is(err, imap.ErrFull) {
		t.Errorf("%v", err)
	}
	d, err := own.Open(t.Context(), "new@mandat.test")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := len(imaptest.ContentsOf(t, d)["INBOX"]); n == 0 || n > 13 {
		t.Errorf("%d messages", n)
	}
}
