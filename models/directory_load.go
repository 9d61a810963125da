package models

import (
	"fmt"
	"strings"
)

// The database's side of loading a directory: its lines lie in temporary tables
// of the transaction, and every question about them is one statement for all.

const directoryTables = `
CREATE TEMPORARY TABLE directory_customers (line bigint PRIMARY KEY, good boolean NOT NULL, identifier text NOT NULL, name text NOT NULL, email text NOT NULL, language text NOT NULL);
CREATE TEMPORARY TABLE directory_services (line bigint PRIMARY KEY, good boolean NOT NULL, domain text NOT NULL, owner text NOT NULL, max_accounts integer NOT NULL, max_bytes bigint NOT NULL);
CREATE TEMPORARY TABLE directory_accounts (line bigint PRIMARY KEY, good boolean NOT NULL, address text NOT NULL, domain text NOT NULL, local_part text NOT NULL, description text NOT NULL, size_bytes bigint NOT NULL, password_hash text NOT NULL, password_set_at timestamptz)`

// For the planner, which knows nothing of temporary tables.
const directoryIndexes = `
CREATE INDEX directory_customer ON directory_customers (identifier);
CREATE INDEX directory_service ON directory_services (domain);
CREATE INDEX directory_account ON directory_accounts (address);
CREATE INDEX directory_account_domain ON directory_accounts (domain, line);
ANALYZE directory_customers;
ANALYZE directory_services;
ANALYZE directory_accounts`

const directoryDrop = `DROP TABLE directory_customers; DROP TABLE directory_services; DROP TABLE directory_accounts`

func (l *directoryLoad) prepare() error {
	if err := l.tx.long(); err != nil {
		return err
	}
	if l.tx.conn != nil { // whoever writes the directory may take their time
		if err := l.tx.exec("SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
			return err
		}
	}
	l.customers = &staging{tx: l.tx, table: "directory_customers", width: 6}
	l.services = &staging{tx: l.tx, table: "directory_services", width: 6}
	l.accounts = &staging{tx: l.tx, table: "directory_accounts", width: 9}
	return l.tx.execAll(directoryTables)
}

// execAll runs statements parted by semicolons.
func (tx *Tx) execAll(statements string) error {
	for q := range strings.SplitSeq(statements, ";") {
		if err := tx.exec(q); err != nil {
			return err
		}
	}
	return nil
}

// staging fills one table in batches.
type staging struct {
	tx    *Tx
	table string
	width int
	args  []any
}

// stagingBatch keeps a statement below the parameter limits of both databases.
const stagingBatch = 1000

func (st *staging) add(row ...any) error {
	st.args = append(st.args, row...)
	if len(st.args) < stagingBatch*st.width {
		return nil
	}
	return st.flush()
}

func (st *staging) flush() error {
	if len(st.args) == 0 {
		return nil
	}
	err := st.tx.exec("INSERT INTO "+st.table+" VALUES "+tuples(len(st.args)/st.width, st.width), st.args...)
	st.args = st.args[:0]
	return err
}

// A directoryCheck finds lines that disagree with others or with the database.
// Its query gives line and up to two values for the message, in their order in args.
type directoryCheck struct {
	key   string
	args  []string
	query string
}

// differs finds lines that say otherwise than the first line about the same thing.
func differs(table, column string, fields ...string) directoryCheck {
	var or []string
	for _, f := range fields {
		or = append(or, "d."+f+" <> f."+f)
	}
	return directoryCheck{"directory.line.differs", []string{"Name", "Line"}, fmt.Sprintf(`
		SELECT d.line, d.%[2]s AS a, CAST(f.line AS text) AS b FROM %[1]s d JOIN %[1]s f ON f.%[2]s = d.%[2]s AND f.line < d.line
		WHERE d.good AND f.good AND (%[3]s) AND f.line = (SELECT min(x.line) FROM %[1]s x WHERE x.%[2]s = d.%[2]s)`, table, column, strings.Join(or, " OR "))}
}

// newAccounts are the accounts to be created, counted within their domain in
// the order of the lines; postmaster is free. Sums are floating so that no
// directory, however absurd, makes SQLite overflow.
const newAccounts = `SELECT d.line, d.address, d.domain, d.local_part, d.size_bytes,
	count(CASE WHEN d.local_part <> 'postmaster' THEN 1 END) OVER (PARTITION BY d.domain ORDER BY d.line) AS accounts,
	sum(CAST(d.size_bytes AS double precision)) OVER (PARTITION BY d.domain ORDER BY d.line) AS octets
	FROM directory_accounts d WHERE d.good
	AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.address = d.address)
	AND NOT EXISTS (SELECT 1 FROM directory_accounts f WHERE f.address = d.address AND f.line < d.line)`

// directoryRoom is what is left in each service, old or new.
const directoryRoom = `SELECT s.domain, s.max_accounts, s.max_bytes, s.max_bytes - s.allotted_bytes AS octets,
	s.max_accounts - s.account_count + (SELECT count(*) FROM accounts p WHERE p.service_id = s.id AND p.local_part = 'postmaster') AS accounts
	FROM services s WHERE s.domain IN (SELECT domain FROM directory_accounts)
	UNION ALL
	SELECT n.domain, n.max_accounts, n.max_bytes, n.max_bytes, n.max_accounts FROM directory_services n
	WHERE n.good AND NOT EXISTS (SELECT 1 FROM services s WHERE s.domain = n.domain)
	AND NOT EXISTS (SELECT 1 FROM directory_services f WHERE f.domain = n.domain AND f.line < n.line)`

var directoryChecks = []directoryCheck{
	differs("directory_customers", "identifier", "name", "email", "language"),
	differs("directory_services", "domain", "owner", "max_accounts", "max_bytes"),
	differs("directory_accounts", "address", "description", "size_bytes", "password_hash"),
	{"directory.customer.differs", []string{"Identifier"}, `
		SELECT d.line, d.identifier AS a, '' AS b FROM directory_customers d JOIN customers c ON c.identifier = d.identifier
		WHERE d.good AND (c.name <> d.name OR c.email <> d.email OR c.language <> d.language)`},
	{"directory.service.differs", []string{"Domain"}, `
		SELECT d.line, d.domain AS a, '' AS b FROM directory_services d JOIN services s ON s.domain = d.domain JOIN customers o ON o.id = s.owner_id
		WHERE d.good AND (o.identifier <> d.owner OR s.max_accounts <> d.max_accounts OR s.max_bytes <> d.max_bytes)`},
	{"directory.service.owner", []string{"Identifier"}, `
		SELECT d.line, d.owner AS a, '' AS b FROM directory_services d WHERE d.owner <> ''
		AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.identifier = d.owner)
		AND NOT EXISTS (SELECT 1 FROM directory_customers c WHERE c.identifier = d.owner)`},
	{"directory.account.differs", []string{"Address"}, `
		SELECT d.line, d.address AS a, '' AS b FROM directory_accounts d JOIN accounts a ON a.address = d.address
		WHERE d.good AND a.state <> 'deleting'
		AND (a.description <> d.description OR a.size_bytes <> d.size_bytes OR d.password_hash <> '' AND a.password_hash <> d.password_hash)`},
	{"directory.account.deleting", []string{"Address"}, `
		SELECT d.line, d.address AS a, '' AS b FROM directory_accounts d JOIN accounts a ON a.address = d.address WHERE a.state = 'deleting'`},
	{"directory.account.taken", []string{"Address"}, `
		SELECT d.line, d.address AS a, '' AS b FROM directory_accounts d JOIN addresses x ON x.address = d.address WHERE x.kind <> 'account'`},
	{"directory.account.service", []string{"Domain"}, `
		SELECT d.line, d.domain AS a, '' AS b FROM directory_accounts d WHERE d.domain <> ''
		AND NOT EXISTS (SELECT 1 FROM services s WHERE s.domain = d.domain)
		AND NOT EXISTS (SELECT 1 FROM directory_services s WHERE s.domain = d.domain)`},
	{"directory.account.large", []string{"Address", "Bytes"}, `
		SELECT d.line, d.address AS a, CAST(s.max_account_bytes AS text) AS b FROM directory_accounts d JOIN services s ON s.domain = d.domain
		WHERE d.good AND d.size_bytes > s.max_account_bytes AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.address = d.address)`},
	{"directory.limit.accounts", []string{"Domain", "Max"}, `
		SELECT n.line, n.domain AS a, CAST(r.max_accounts AS text) AS b FROM (` + newAccounts + `) n JOIN (` + directoryRoom + `) r ON r.domain = n.domain
		WHERE n.accounts > r.accounts AND n.local_part <> 'postmaster'`},
	{"directory.limit.size", []string{"Domain", "Bytes"}, `
		SELECT n.line, n.domain AS a, CAST(r.max_bytes AS text) AS b FROM (` + newAccounts + `) n JOIN (` + directoryRoom + `) r ON r.domain = n.domain
		WHERE n.octets > r.octets`},
}

// check locks the services that exist and get accounts, then asks every question.
func (l *directoryLoad) check() error {
	if err := l.tx.execAll(directoryIndexes); err != nil {
		return err
	}
	if err := l.lockServices(); err != nil {
		return err
	}
	var all []string
	for i, c := range directoryChecks {
		all = append(all, fmt.Sprintf("SELECT %d AS number, c%[1]d.line, c%[1]d.a, c%[1]d.b FROM (%s) c%[1]d", i, c.query))
	}
	found, err := l.tx.Raw(strings.Join(all, " UNION ALL ") + " ORDER BY line, number").Rows()
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var number, line int
		var values [2]string
		if err := found.Scan(&number, &line, &values[0], &values[1]); err != nil {
			return err
		}
		l.report(line, directoryChecks[number].message(values))
	}
	return found.Err()
}

func (c directoryCheck) message(values [2]string) Message {
	m := Message{Key: c.key}
	for i, name := range c.args {
		var value any = ReadableAddress(values[i]) // an identifier, a domain alone and a number pass through it well
		if name == "Bytes" {
			var octets int64
			_, _ = fmt.Sscan(values[i], &octets) // a bigint, written by the database
			value = octets
		}
		m.Args = append(m.Args, name, value)
	}
	return m
}

func (l *directoryLoad) lockServices() error {
	tx := l.tx
	const touched = "FROM services s WHERE s.domain IN (SELECT domain FROM directory_accounts)"
	if err := tx.exec("SELECT s.id " + touched + " ORDER BY s.id" + tx.forUpdate("s")); err != nil {
		return err
	}
	// By a second statement: after waiting for a lock, PostgreSQL reads anew only what it locked.
	var last []struct {
		ID   int64
		Last lastEvent `gorm:"embedded"`
	}
	if err := tx.scan(&last, "SELECT s.id, "+lastEventSQL+" "+touched); err != nil {
		return err
	}
	for _, l := range last {
		tx.locked(l.ID, l.Last)
	}
	return nil
}

// dropSettled takes out of a staging table what exists already and repetitions.
func dropSettled(staged, column, table string) string {
	return fmt.Sprintf(`DELETE FROM %[1]s WHERE EXISTS (SELECT 1 FROM %[3]s t WHERE t.%[2]s = %[1]s.%[2]s)
		OR EXISTS (SELECT 1 FROM %[1]s f WHERE f.%[2]s = %[1]s.%[2]s AND f.line < %[1]s.line)`, staged, column, table)
}

// create makes what does not exist yet, with its events.
func (l *directoryLoad) create(done *DirectoryResult) error {
	tx := l.tx
	for _, step := range []struct {
		settled, insert string
		args            []any
		created         *int
		record          func() error
	}{
		{
			dropSettled("directory_customers", "identifier", "customers"), `
			INSERT INTO customers (identifier, name, email, language, time_zone, created_at)
			SELECT identifier, name, email, language, ?, ? FROM directory_customers ORDER BY line`,
			[]any{l.zone, tx.now},
			&done.Customers, l.recordCustomers,
		},
		{
			dropSettled("directory_services", "domain", "services"), `
			INSERT INTO services (domain, owner_id, max_accounts, max_bytes, max_account_bytes, created_at)
			SELECT d.domain, c.id, d.max_accounts, d.max_bytes, CASE WHEN b.largest > ? THEN b.largest ELSE ? END, ?
			FROM directory_services d JOIN customers c ON c.identifier = d.owner
			LEFT JOIN (SELECT domain, max(size_bytes) AS largest FROM directory_accounts GROUP BY domain) b ON b.domain = d.domain ORDER BY d.line`,
			[]any{int64(DefaultMaxAccountBytes), int64(DefaultMaxAccountBytes), tx.now},
			&done.Services, l.recordServices,
		},
		{
			dropSettled("directory_accounts", "address", "accounts"), `
			INSERT INTO accounts (service_id, local_part, address, description, size_bytes, password_hash, password_set_at, created_at)
			SELECT s.id, d.local_part, d.address, d.description, d.size_bytes, d.password_hash, d.password_set_at, ?
			FROM directory_accounts d JOIN services s ON s.domain = d.domain ORDER BY d.line`,
			[]any{tx.now},
			&done.Accounts, l.recordAccounts,
		},
	} {
		if err := tx.exec(step.settled); err != nil {
			return err
		}
		res := tx.Exec(step.insert, step.args...)
		if res.Error != nil {
			return res.Error
		}
		*step.created = int(res.RowsAffected)
		if err := step.record(); err != nil {
			return err
		}
	}
	return tx.execAll(directoryDrop)
}

// directoryRow is something created, with the line that asked for it.
type directoryRow struct {
	Line, ID, ServiceID, OwnerID   int64
	Object, LocalPart, Description string
	SizeBytes                      int64
}

// inBatches gives fn the rows of a query a thousand at a time, in the order of their lines d.line.
func (l *directoryLoad) inBatches(query string, fn func([]directoryRow) error) error {
	for after := int64(0); ; {
		var batch []directoryRow
		err := l.tx.scan(&batch, query+" WHERE d.line > ? ORDER BY d.line LIMIT ?", after, stagingBatch)
		if err != nil || len(batch) == 0 {
			return err
		}
		after = batch[len(batch)-1].Line
		if err := fn(batch); err != nil {
			return err
		}
	}
}

// events records one event for each row.
func (l *directoryLoad) events(rows []directoryRow, event func(directoryRow) Event) error {
	events := make([]Event, len(rows))
	for i, r := range rows {
		events[i] = event(r)
		events[i].Object = r.Object
	}
	return l.tx.record(events...)
}

func (l *directoryLoad) recordCustomers() error {
	return l.inBatches("SELECT d.line, c.id, c.identifier AS object, c.name AS description FROM directory_customers d JOIN customers c ON c.identifier = d.identifier", func(rows []directoryRow) error {
		named := make([]Customer, len(rows))
		for i, r := range rows {
			named[i] = Customer{ID: r.ID, Name: r.Description}
		}
		if err := l.tx.indexNames(named...); err != nil {
			return err
		}
		return l.events(rows, func(r directoryRow) Event {
			return Event{Kind: "customer.created", Class: SelfEvent, SubjectID: r.ID}
		})
	})
}

func (l *directoryLoad) recordServices() error {
	return l.inBatches("SELECT d.line, s.id, s.owner_id, s.domain AS object FROM directory_services d JOIN services s ON s.domain = d.domain", func(rows []directoryRow) error {
		return l.events(rows, func(r directoryRow) Event {
			l.tx.locked(r.ID, lastEvent{})
			return Event{ServiceID: r.ID, Kind: "service.created", Class: ServiceEvent, OwnerID: r.OwnerID}
		})
	})
}

// recordAccounts also keeps what hangs on accounts: search words, and the counters of the service.
func (l *directoryLoad) recordAccounts() error {
	tx := l.tx
	found := &staging{tx: tx, table: "account_words (service_id, word, local_part, account_id)", width: 4}
	err := l.inBatches(`SELECT d.line, a.id, a.service_id, s.owner_id, a.address AS object, a.local_part, a.description, a.size_bytes
		FROM directory_accounts d JOIN accounts a ON a.address = d.address JOIN services s ON s.id = a.service_id`, func(rows []directoryRow) error {
		for _, r := range rows {
			for _, w := range words(r.LocalPart, r.Description) {
				if err := found.add(r.ServiceID, w, r.LocalPart, r.ID); err != nil {
					return err
				}
			}
		}
		return l.events(rows, func(r directoryRow) Event {
			detail := Detail{"size": {After: r.SizeBytes}}
			if r.Description != "" {
				detail["description"] = Change{After: r.Description}
			}
			return Event{ServiceID: r.ServiceID, Kind: "account.created", Class: MailEvent, OwnerID: r.OwnerID, AccountID: r.ID, Detail: detail}
		})
	})
	if err != nil {
		return err
	}
	if err := found.flush(); err != nil {
		return err
	}
	return tx.exec(`UPDATE services SET account_count = account_count + n.accounts, allotted_bytes = allotted_bytes + n.octets
		FROM (SELECT domain, count(*) AS accounts, sum(size_bytes) AS octets FROM directory_accounts GROUP BY domain) n WHERE services.domain = n.domain`)
}
