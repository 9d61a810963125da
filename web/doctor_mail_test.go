package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Beside mail servers that do not run here. What the doctor says of those that do
// is tested in mail.
func TestTheDoctorLooksAtTheFilesOfTheMailServers(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "mail")
	const origin = "https://panel.example.org"
	call{args: "migrate", out: "up to date"}.check(t, env("MANDAT_DATA_DIR", data, "MANDAT_LOG_LEVEL", "error"))
	call{args: "mail configure " + dir + " --hostname mx.example.org --ports 1 --private /nonexistent", out: "Wrote"}.check(t, env("MANDAT_DATABASE_URL", "postgres://mandat:secret@127.0.0.1/mandat", "MANDAT_ORIGIN", origin))
	ask := func(files, want string) {
		t.Helper()
		out := call{args: "doctor", status: 1, err: "something is wrong"}.check(t, env("MANDAT_DATA_DIR", data, "MANDAT_LOG_LEVEL", "error", "MANDAT_POSTFIX", "127.0.0.1:1", "MANDAT_MAIL_FILES", files))
		if !strings.Contains(out, want) {
			t.Errorf("it lacks %q:\n%s", want, out)
		}
	}
	ask(dir, " well  the files of the mail servers\n  -    the copies of them that Postfix and Dovecot read: there are none: it is an instance of its own\n well  who may read their secrets\nFAULT  Dovecot takes mail from Postfix (LMTP): dial tcp 127.0.0.1:8:")
	file := filepath.Join(dir, "dovecot/dict-quota.conf.ext")
	if err := os.WriteFile(file, []byte("connect = host=elsewhere\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	ask(dir, "FAULT  the files of the mail servers: in "+dir+" not as this program would write them: dovecot/dict-quota.conf.ext\n       Run `mandat mail configure` again")
	ask(dir, "FAULT  who may read their secrets: everybody on this machine may read "+file+"\n       chmod o= "+file+"\n")

	for files, want := range map[string]string{
		"":                      "  -    the files of the mail servers: not looked at: MANDAT_MAIL_FILES does not say where it is; `mandat mail configure`, run again, writes it",
		filepath.Join(dir, "x"): "  -    the files of the mail servers: not looked at: " + filepath.Join(dir, "x") + " is not on this machine",
	} {
		out := call{args: "doctor"}.check(t, env("MANDAT_DATA_DIR", data, "MANDAT_LOG_LEVEL", "error", "MANDAT_POSTFIX", "127.0.0.1:1", "MANDAT_MAIL_FILES", files))
		if !strings.Contains(out, want) {
			t.Errorf("it lacks %q:\n%s", want, out)
		}
	}
}
