package mailtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dovecotLimit is how long Dovecot may take to start or to stop.
const dovecotLimit = 30 * time.Second

// StopDovecot stops Dovecot alone, with all its processes as a service manager
// does: it would leave sessions behind, and wait five seconds for processes that
// listen to nobody. StartDovecot starts it again.
func (s *Stack) StopDovecot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dovecotLimit)
	defer cancel()
	master, err := os.ReadFile(filepath.Join(s.Settings.Private, "dovecot/run/master.pid"))
	if err != nil {
		return err
	}
	session, err := strconv.Atoi(strings.TrimSpace(string(master)))
	if err != nil {
		return err
	}
	defer endSession(session) // what was being started
	endSession(session)
	for ctx.Err() == nil { // the old one removes the file that the next one writes
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", session)); err != nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

// endSession ends every process of a session.
func endSession(session int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended
		}
		_, rest, _ := strings.Cut(string(text), ") ") // proc_pid_stat(5): after the name, which may hold anything
		fields := strings.Fields(rest)
		if len(fields) > 3 && fields[3] == strconv.Itoa(session) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
	}
}

// StartDovecot starts what StopDovecot stopped.
func (s *Stack) StartDovecot(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "dovecot", "-c", filepath.Join(s.dir, "dovecot/dovecot.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("start Dovecot: %w\n%s", err, s.Logs())
	}
	ctx, cancel := context.WithTimeout(ctx, dovecotLimit)
	defer cancel()
	for ctx.Err() == nil { // it listens before it writes down its number
		if text, err := os.ReadFile(filepath.Join(s.Settings.Private, "dovecot/run/master.pid")); err == nil && len(text) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return answers(ctx, fmt.Sprintf("127.0.0.1:%d", s.Settings.Ports.IMAP))
}
