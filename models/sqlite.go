package models

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	modernc "modernc.org/sqlite" // registers the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrInUse says that another process has the embedded database.
var ErrInUse = errors.New("the embedded database is in use by another process: stop the panel first")

// embedded is GORM's SQLite dialect on the pure Go driver.
type embedded struct{ sqlite.Dialector }

func (s *Store) openSQLite(file string, gcfg *gorm.Config) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	lock, err := lockFile(file + ".lock")
	if err != nil {
		return err
	}
	q := url.Values{
		"_txlock":      {"immediate"}, // a transaction that reads first never fails to upgrade its lock
		"_time_format": {"sqlite"},    // the driver's default does not compare
		"_pragma":      {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"},
	}
	dsn := "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + q.Encode()
	if s.db, err = gorm.Open(embedded{sqlite.Dialector{DriverName: "sqlite", DSN: dsn}}, gcfg); err != nil {
		lock.Close()
		return fmt.Errorf("open %s: %w", file, err)
	}
	if s.sql, err = s.db.DB(); err != nil {
		lock.Close()
		return err
	}
	s.fileLock = lock
	s.sql.SetMaxOpenConns(max(4, 2*runtime.NumCPU()))
	return nil
}

// lockFile takes an advisory lock that the kernel drops with the process, however it ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, err
	}
	return f, nil
}

// Translate gives GORM's portable errors: the official dialect knows only the
// cgo driver's. The driver's own error stays inside, since its text names the constraint.
func (embedded) Translate(err error) error {
	var e *modernc.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return errors.Join(gorm.ErrDuplicatedKey, err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return errors.Join(gorm.ErrForeignKeyViolated, err)
	case sqlite3.SQLITE_CONSTRAINT_CHECK:
		return errors.Join(gorm.ErrCheckConstraintViolated, err)
	}
	return err
}
